import type { ReactNode } from "react";
import { FileName } from "./FileName.tsx";
import { type FileItem, lastPart } from "./files.ts";
import { extensionOf, kindOf } from "./kinds.ts";
import { RouteLink } from "./RouteLink.tsx";
import type { Route } from "./route.ts";
import { Thumbnail } from "./Thumbnail.tsx";
import { detailsOf, shown, spelledOut } from "./wording.ts";

const LONGEST_NAME = 40; // characters: two lines

type Props = {
  item: FileItem;
  route: Route;
  ambiguous: boolean;
  onExpired: () => void;
  /** The control that selects the file. */
  children: ReactNode;
};

/** A file in a folder: thumbnail or extension, name, size and date. */
export function FileTile({ item, route, ambiguous, onExpired, children }: Props) {
  const place = item.name.slice(route.folder.length, item.name.lastIndexOf("/") + 1); // only of what a search found
  const kind = kindOf(item.name);
  return (
    <li>
      <RouteLink to={{ ...route, file: item.name }} className="tile">
        <span className={`face ${kind}`}>
          <span className="extension" aria-hidden="true">
            {extensionOf(item.name) || "file"}
          </span>
          <Thumbnail item={item} onExpired={onExpired} />
        </span>
        <FileName name={lastPart(item.name)} longest={LONGEST_NAME} className="name" />
        {ambiguous && <Spelling name={item.name} />}
        {place && (
          <span className="quiet">
            in <bdi>{shown(place)}</bdi>
          </span>
        )}
        <span className="quiet">{detailsOf(item)}</span>
      </RouteLink>
      {children}
    </li>
  );
}

/** Tells a name from another one that looks the same. */
export function Spelling({ name }: { name: string }) {
  return <span className="spelling">Another name looks the same; this is spelled {spelledOut(lastPart(name))}</span>;
}
