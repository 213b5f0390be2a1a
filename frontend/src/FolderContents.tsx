import { FileTile, Spelling } from "./FileTile.tsx";
import { type FileItem, lastPart } from "./files.ts";
import { RouteLink } from "./RouteLink.tsx";
import type { Route } from "./route.ts";
import type { Selection } from "./useSelection.ts";
import { counted, lookAlikes, shown } from "./wording.ts";

type Props = {
  folders: string[];
  items: FileItem[];
  /** How many entries the API returned that this page does not understand. */
  unusable: number;
  route: Route;
  view: "grid" | "list";
  stale: boolean;
  selection: Selection;
  onExpired: () => void;
};

/** The folders and files, each with a checkbox that selects it. */
export function FolderContents({ folders, items, unusable, route, view, stale, selection, onExpired }: Props) {
  const names = [...folders, ...items.map(({ name }) => name)];
  const ambiguous = lookAlikes(names);
  const checkbox = (name: string, label: string) => (
    <input
      type="checkbox"
      className="select"
      aria-label={`Select ${label}`}
      checked={selection.names.has(name)}
      readOnly
      onClick={(event) => selection.toggle(name, names, event.shiftKey)}
    />
  );
  return (
    <div className={`contents ${view}${stale ? " stale" : ""}${selection.names.size > 0 ? " selecting" : ""}`}>
      {folders.length > 0 && (
        <ul className="folders" aria-label="Folders">
          {folders.map((folder) => {
            const label = shown(route.folder === "" ? folder : lastPart(folder)).replace(/\/$/, "") || "(no name)";
            return (
              <li key={folder}>
                <RouteLink to={{ folder, search: "", file: null }} className="folder">
                  <bdi>{label}</bdi>
                  {ambiguous.has(folder) && <Spelling name={folder} />}
                </RouteLink>
                {checkbox(folder, label)}
              </li>
            );
          })}
        </ul>
      )}
      {items.length > 0 && (
        <ul className="files" aria-label="Files">
          {items.map((item) => (
            <FileTile
              key={item.name}
              item={item}
              route={route}
              ambiguous={ambiguous.has(item.name)}
              onExpired={onExpired}
            >
              {checkbox(item.name, shown(lastPart(item.name)))}
            </FileTile>
          ))}
        </ul>
      )}
      {unusable > 0 && (
        <p className="notice">
          {counted(unusable, "entry", "entries")} of this folder cannot be shown: the API returned something that this
          page does not understand. Tell your administrator.
        </p>
      )}
    </div>
  );
}
