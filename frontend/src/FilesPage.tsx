import { useEffect, useRef } from "react";
import { isReachable, type Readable, rootOf, startOf } from "./access.ts";
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
  const asked = useRoute();
  const { folder, readable, page, loading, thrown, more, reload, renew } = useFolder(asked.folder, asked.search);
  const route = { ...asked, folder };
  const start = startOf(readable ?? [""]);
  const closed = readable !== null && !mayOpen(route, readable);
  const heading = useRef<HTMLHeadingElement>(null);

  const sessionEnded = thrown instanceof SessionEnded;
  useEffect(() => {
    if (sessionEnded) onLeave(ENDED);
  }, [sessionEnded, onLeave]);

  // A new folder is a new page: keyboard and screen reader users start at its heading.
  const previous = useRef<string | null>(null);
  useEffect(() => {
    if (previous.current !== null && previous.current !== folder && !route.file) heading.current?.focus();
    if (readable) previous.current = folder;
  }, [folder, readable, route.file]);
  const title = folder === start ? "All files" : shown(lastPart(folder)).replace(/\/$/, "") || "All files";
  useEffect(() => {
    document.title = `${route.file === null ? title : shown(lastPart(route.file))} – Private files`;
  }, [route.file, title]);

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
        <Breadcrumbs folder={folder} readable={readable ?? [""]} />
        <div className="title">
          <h1 ref={heading} tabIndex={-1} dir="auto">
            {title}
          </h1>
          <Search key={route.folder} route={route} />
        </div>
        {pasted && hashOf(asked) === "#/" && (
          <p className="notice">
            The address contained a signed link, which was removed. To open such a link, paste nothing else into the
            address bar.
          </p>
        )}
        <p className="quiet" role="status">
          {closed ? "" : summary(page, loading, thrown, route)}
        </p>
        {closed && <NoAccess route={route} readable={readable} />}
        {page && !closed && <Contents page={page} route={route} stale={loading} onExpired={renew} />}
        {!page && loading && <Skeleton />}
        {page && !closed && !loading && !thrown && isEmpty(page) && <Empty route={route} isStart={folder === start} />}
        {thrown !== null && !sessionEnded && <ErrorMessage thrown={thrown} retry={reload} />}
        {page?.nextToken && !thrown && (
          <button type="button" className="more" onClick={more} disabled={loading}>
            {loading ? "Loading …" : "Show more"}
          </button>
        )}
      </main>
      {route.file !== null && !closed && (
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
                <bdi>{shown(route.folder === "" ? folder : lastPart(folder)).replace(/\/$/, "") || "(no name)"}</bdi>
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

function mayOpen({ folder, file }: Route, readable: Readable): boolean {
  return file === null ? isReachable(folder, readable) : rootOf(file, readable) !== undefined;
}

/** Depends on the access rules alone, so it says nothing about which files exist. */
function NoAccess({ route, readable }: { route: Route; readable: Readable }) {
  if (readable.length === 0) {
    return (
      <div className="empty">
        <h2>You have no access to any folder yet</h2>
        <p>Ask your administrator to give you access.</p>
      </div>
    );
  }
  return (
    <div className="empty">
      <h2>You have no access to this {route.file === null ? "folder" : "file"}</h2>
      <p>Ask your administrator if you need it.</p>
      <RouteLink to={{ folder: "", search: "", file: null }}>Show all files</RouteLink>
    </div>
  );
}

function Empty({ route, isStart }: { route: Route; isStart: boolean }) {
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
      <p>{isStart ? "Your administrator can upload files." : "This folder is empty or no longer exists."}</p>
      {!isStart && <RouteLink to={{ folder: "", search: "", file: null }}>Show all files</RouteLink>}
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
