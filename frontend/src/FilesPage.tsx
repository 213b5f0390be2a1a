import { useEffect, useRef } from "react";
import { Breadcrumbs } from "./Breadcrumbs.tsx";
import { FileTile, Spelling } from "./FileTile.tsx";
import { lastPart, type Page } from "./files.ts";
import { RouteLink } from "./RouteLink.tsx";
import { Preview } from "./Preview.tsx";
import { hashOf, type Route, useRoute } from "./route.ts";
import { Search } from "./Search.tsx";
import { ErrorMessage } from "./ErrorMessage.tsx";
import { SessionEnded } from "./page-error.ts";
import { useFolder } from "./useFolder.ts";
import { counted, lookAlikes, shown } from "./wording.ts";

type Props = { user: string | undefined; pasted: boolean; onLeave: (reason: string) => void };

/** The folder, and the open file in front of it. */
export default function FilesPage({ user, pasted, onLeave }: Props) {
  const route = useRoute();
  const { page, loading, thrown, more, reload, renew } = useFolder(route.folder, route.search);
  const heading = useRef<HTMLHeadingElement>(null);

  const sessionEnded = thrown instanceof SessionEnded;
  useEffect(() => {
    if (sessionEnded) onLeave(ENDED);
  }, [sessionEnded, onLeave]);

  // A new folder is a new page: keyboard and screen reader users start at its heading.
  const previous = useRef(route.folder);
  useEffect(() => {
    if (previous.current !== route.folder && !route.file) heading.current?.focus();
    previous.current = route.folder;
  }, [route.folder, route.file]);
  useEffect(() => {
    document.title = `${shown(lastPart(route.file ?? route.folder)) || "All files"} – Private files`;
  }, [route.file, route.folder]);

  return (
    <>
      <button type="button" className="skip" onClick={() => heading.current?.focus()}>
        Skip to the files
      </button>
      <header className="top">
        <RouteLink to={{ folder: "", search: "", file: null }} className="brand">
          <img src="./icon.svg" alt="" width="32" height="32" />
          Private files
        </RouteLink>
        {user !== undefined && (
          <div className="user">
            <span dir="auto">{shown(user)}</span>
            <button type="button" onClick={() => onLeave("You have signed out.")}>
              Sign out
            </button>
          </div>
        )}
      </header>
      <main aria-busy={loading}>
        <Breadcrumbs folder={route.folder} />
        <div className="title">
          <h1 ref={heading} tabIndex={-1} dir="auto">
            {shown(lastPart(route.folder)).replace(/\/$/, "") || "All files"}
          </h1>
          <Search key={route.folder} route={route} />
        </div>
        {pasted && hashOf(route) === "#/" && (
          <p className="notice">
            The address contained a signed link, which was removed. To open such a link, paste nothing else into the
            address bar.
          </p>
        )}
        <p className="quiet" role="status">
          {summary(page, loading, thrown, route)}
        </p>
        {page && <Contents page={page} route={route} stale={loading} onExpired={renew} />}
        {!page && loading && <Skeleton />}
        {page && !loading && !thrown && isEmpty(page) && <Empty route={route} />}
        {thrown !== null && !sessionEnded && <ErrorMessage thrown={thrown} retry={reload} />}
        {page?.nextToken && !thrown && (
          <button type="button" className="more" onClick={more} disabled={loading}>
            {loading ? "Loading …" : "Show more"}
          </button>
        )}
      </main>
      {route.file !== null && (
        <Preview route={route} file={route.file} items={page?.items ?? []} onSessionEnded={() => onLeave(ENDED)} />
      )}
    </>
  );
}

const ENDED = "Your session has ended. Sign in again to return to this folder.";

function Contents(props: { page: Page; route: Route; stale: boolean; onExpired: () => void }) {
  const { page, route, stale, onExpired } = props;
  const names = [...page.folders, ...page.items.map(({ name }) => name)];
  const ambiguous = lookAlikes(names);
  return (
    <div className={stale ? "stale" : undefined}>
      {page.folders.length > 0 && (
        <ul className="folders" aria-label="Folders">
          {page.folders.map((folder) => (
            <li key={folder}>
              <RouteLink to={{ folder, search: "", file: null }} className="folder">
                <bdi>{shown(lastPart(folder)).replace(/\/$/, "") || "(no name)"}</bdi>
                {ambiguous.has(folder) && <Spelling name={folder} />}
              </RouteLink>
            </li>
          ))}
        </ul>
      )}
      {page.items.length > 0 && (
        <ul className="files" aria-label="Files">
          {page.items.map((item) => (
            <FileTile
              key={item.name}
              item={item}
              route={route}
              ambiguous={ambiguous.has(item.name)}
              onExpired={onExpired}
            />
          ))}
        </ul>
      )}
      {page.unusable > 0 && (
        <p className="notice">
          {counted(page.unusable, "entry", "entries")} of this folder cannot be shown: the API returned something that
          this page does not understand. Tell your administrator.
        </p>
      )}
    </div>
  );
}

function Skeleton() {
  return (
    <div className="files skeleton" aria-hidden="true">
      {["a", "b", "c", "d", "e", "f"].map((tile) => (
        <div key={tile} className="tile" />
      ))}
    </div>
  );
}

function Empty({ route }: { route: Route }) {
  if (route.search) {
    const [composed, decomposed] = [route.search.normalize("NFC"), route.search.normalize("NFD")];
    const spelling = composed === route.search ? decomposed : composed;
    return (
      <div className="empty">
        <h2>
          No names start with “<bdi>{shown(route.search)}</bdi>”.
        </h2>
        <p>The search is case-sensitive and covers only this folder.</p>
        {spelling !== route.search && (
          <RouteLink to={{ ...route, search: spelling }}>Search for the other spelling of its accents</RouteLink>
        )}
        <RouteLink to={{ ...route, search: "" }}>Show the whole folder</RouteLink>
      </div>
    );
  }
  return (
    <div className="empty">
      <h2>No files yet</h2>
      <p>{route.folder ? "This folder is empty or no longer exists." : "Your administrator can upload files."}</p>
      {route.folder && <RouteLink to={{ folder: "", search: "", file: null }}>Show all files</RouteLink>}
    </div>
  );
}

function isEmpty(page: Page): boolean {
  return page.items.length + page.folders.length + page.unusable === 0;
}

function summary(page: Page | null, loading: boolean, thrown: unknown, route: Route): string {
  if (loading) return "Loading …";
  if (!page || thrown) return "";
  const parts = [page.folders.length && counted(page.folders.length, "folder"), counted(page.items.length, "file")];
  const found = parts.filter(Boolean).join(", ");
  const rest = page.nextToken ? " so far" : "";
  return route.search ? `${found}${rest} with names starting with “${shown(route.search)}”` : found + rest;
}
