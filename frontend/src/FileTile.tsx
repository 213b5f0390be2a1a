import { useState } from "react";
import { type FileItem, lastPart } from "./files.ts";
import { endingOf, kindOf } from "./kinds.ts";
import { PlaceLink } from "./PlaceLink.tsx";
import type { Place } from "./place.ts";
import { isExpired } from "./signed-url.ts";
import { dateOf, shown, sizeOf } from "./wording.ts";

/** A picture is shown whole and small; above this it is not worth the way. */
const LARGEST_THUMBNAIL = 5_000_000;

type Props = { item: FileItem; place: Place; onExpired: () => void };

/** One file of a folder: its picture or its kind, its name, its size and its date. */
export function FileTile({ item, place, onExpired }: Props) {
  const kind = kindOf(item.name);
  const pictured = kind === "image" && item.size > 0 && item.size <= LARGEST_THUMBNAIL;
  return (
    <li>
      <PlaceLink to={{ ...place, file: item.name }} className="tile">
        <span className={`face ${kind}`}>
          <span className="ending" aria-hidden="true">
            {endingOf(item.name) || "file"}
          </span>
          {pictured && item.url && <Thumbnail url={item.url} onExpired={onExpired} />}
        </span>
        <bdi className="name">{shown(lastPart(item.name))}</bdi>
        <span className="quiet">
          {sizeOf(item.size)} <span aria-hidden="true">·</span> {dateOf(item.lastModified)}
        </span>
      </PlaceLink>
    </li>
  );
}

function Thumbnail({ url, onExpired }: { url: string; onExpired: () => void }) {
  const [source, setSource] = useState(url);
  const [state, setState] = useState<"waiting" | "loaded" | "broken">("waiting");
  // What is loaded stays as it is: a new URL of the same picture would only load it again.
  if (url !== source && state !== "loaded") {
    setSource(url);
    setState("waiting");
  }
  if (state === "broken") return null;
  return (
    <img
      src={source}
      alt=""
      loading="lazy"
      decoding="async"
      onLoad={() => setState("loaded")}
      onError={() => {
        setState("broken");
        if (isExpired(source)) onExpired();
      }}
    />
  );
}
