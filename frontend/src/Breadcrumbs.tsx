import { lastPart } from "./files.ts";
import { RouteLink } from "./RouteLink.tsx";
import { shown } from "./wording.ts";

/** Links to the parent folders, then the current folder. */
export function Breadcrumbs({ folder }: { folder: string }) {
  if (folder === "") return null;
  const parts = folder.split("/").slice(0, -1);
  const above = ["", ...parts.map((_, index) => `${parts.slice(0, index + 1).join("/")}/`)];
  return (
    <nav aria-label="Parent folders" className="crumbs">
      <ol>
        {above.map((path, index) => (
          <li key={path}>
            {index === above.length - 1 ? (
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

function labelOf(path: string): string {
  return path === "" ? "All files" : shown(lastPart(path)).replace(/\/$/, "") || "(no name)";
}
