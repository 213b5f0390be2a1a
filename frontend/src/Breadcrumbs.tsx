import { type ReactNode, useRef } from "react";
import { type Readable, rootOf, startOf } from "./access.ts";
import { FileName } from "./FileName.tsx";
import { lastPart } from "./files.ts";
import { RouteLink } from "./RouteLink.tsx";
import { counted } from "./wording.ts";

const MOST_SHOWN = 4; // with more, those between the first and the last two are folded
const LONGEST_NAME = 40; // characters

/** Links to the parent folders that the user may read, then the current folder. */
export function Breadcrumbs({ folder, readable }: { folder: string; readable: Readable }) {
  const start = startOf(readable);
  if (folder === start) return null;
  const root = rootOf(folder, readable) ?? "";
  const parts = folder.slice(root.length).split("/").slice(0, -1);
  const below = parts.map((_, index) => `${root}${parts.slice(0, index + 1).join("/")}/`);
  const crumbs = [start, ...(root === "" || root === start ? [] : [root]), ...below];
  const labelOf = (path: string) =>
    path === start ? "All files" : (path === root ? path : lastPart(path)).replace(/\/$/, "") || "(no name)";
  const link = (path: string) => (
    <RouteLink to={{ folder: path, search: "", file: null }}>
      <FileName name={labelOf(path)} longest={LONGEST_NAME} />
    </RouteLink>
  );
  const folded = crumbs.length > MOST_SHOWN ? crumbs.slice(1, -2) : [];
  return (
    <nav aria-label="Parent folders" className="crumbs">
      <ol>
        <li>{link(start)}</li>
        {folded.length > 0 && (
          <li>
            <Folded key={folder} count={folded.length}>
              {folded.map((path) => (
                <li key={path}>{link(path)}</li>
              ))}
            </Folded>
          </li>
        )}
        {crumbs.slice(1 + folded.length).map((path) => (
          <li key={path}>
            {path === folder ? (
              <span aria-current="page">
                <FileName name={labelOf(path)} longest={LONGEST_NAME} />
              </span>
            ) : (
              link(path)
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}

/** A menu of the folders between the first and the last two; Escape closes it, and so does leaving it. */
function Folded({ count, children }: { count: number; children: ReactNode }) {
  const menu = useRef<HTMLDetailsElement>(null);
  function close(focusSummary: boolean) {
    if (!menu.current) return;
    menu.current.open = false;
    if (focusSummary) menu.current.querySelector("summary")?.focus();
  }
  return (
    <details
      ref={menu}
      className="folded"
      onKeyDown={({ key }) => key === "Escape" && close(true)}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) close(false);
      }}
    >
      <summary aria-label={`${counted(count, "more folder")} in between`}>…</summary>
      <ul>{children}</ul>
    </details>
  );
}
