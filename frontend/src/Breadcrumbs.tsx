import { type Readable, rootOf, startOf } from "./access.ts";
import { lastPart } from "./files.ts";
import { RouteLink } from "./RouteLink.tsx";
import { shown } from "./wording.ts";

/** Links to the parent folders that the user may read, then the current folder. */
export function Breadcrumbs({ folder, readable }: { folder: string; readable: Readable }) {
  const start = startOf(readable);
  if (folder === start) return null;
  const root = rootOf(folder, readable) ?? "";
  const parts = folder.slice(root.length).split("/").slice(0, -1);
  const below = parts.map((_, index) => `${root}${parts.slice(0, index + 1).join("/")}/`);
  const crumbs = [start, ...(root === "" || root === start ? [] : [root]), ...below];
  const labelOf = (path: string) =>
    path === start ? "All files" : shown(path === root ? path : lastPart(path)).replace(/\/$/, "") || "(no name)";
  return (
    <nav aria-label="Parent folders" className="crumbs">
      <ol>
        {crumbs.map((path, index) => (
          <li key={path}>
            {index === crumbs.length - 1 ? (
              <bdi aria-current="page">{labelOf(path)}</bdi>
            ) : (
              <RouteLink to={{ folder: path, search: "", file: null }}>
                <bdi>{labelOf(path)}</bdi>
              </RouteLink>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
