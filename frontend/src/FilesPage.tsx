import { useEffect, useRef, useState } from "react";
import { isReachable, mayChange, type Readable, rootOf, rootsBelow, startOf } from "./access.ts";
import { type Arrangement, arranged, needsAll, type Order, ORDERS, useArrangement } from "./arrangement.ts";
import { Breadcrumbs } from "./Breadcrumbs.tsx";
import { ErrorMessage } from "./ErrorMessage.tsx";
import { FolderContents } from "./FolderContents.tsx";
import { lastPart, type Page } from "./files.ts";
import { PageBar } from "./PageBar.tsx";
import { SessionEnded } from "./page-error.ts";
import { keptPosition } from "./position.ts";
import { Preview } from "./Preview.tsx";
import { RouteLink } from "./RouteLink.tsx";
import { BUSY, useBusy } from "./retry.ts";
import { hashOf, type Route, useRoute } from "./route.ts";
import { Search } from "./Search.tsx";
import { SelectionBar } from "./SelectionBar.tsx";
import { Uploader } from "./uploads/Uploader.tsx";
import { UploadQueue } from "./uploads/upload-queue.ts";
import { UploadsPanel } from "./uploads/UploadsPanel.tsx";
import { useFolder } from "./useFolder.ts";
import { type Search as Found, useSearch } from "./useSearch.ts";
import { useSelection } from "./useSelection.ts";
import { Skeleton } from "./Waiting.tsx";
import { counted, shown } from "./wording.ts";

const ENDED = "Your session has ended. Sign in again to return to this folder.";
const MOST_SORTED = 5_000; // entries that are loaded to sort a folder
const MOST_FOUND = 500; // files of a search that are shown

const queue = new UploadQueue(); // outlives a folder, and a session that has ended

type Props = {
  user: string | undefined;
  /** Where uploads are sent; without it there are none. */
  uploadsUrl: string | undefined;
  pasted: boolean;
  onLeave: (reason: string) => void;
};

/** The folder, and the open file in front of it. */
export default function FilesPage({ user, uploadsUrl, pasted, onLeave }: Props) {
  const asked = useRoute();
  const { folder, access, page, loading, thrown, more, reload, renew } = useFolder(asked.folder);
  const readable = access?.read ?? null;
  const route = { ...asked, folder };
  const search = useSearch(readable ? rootsBelow(folder, readable) : [], folder, route.search);
  const [arrangement, arrange] = useArrangement();
  const selection = useSelection(hashOf({ ...route, file: null }));
  const [notice, setNotice] = useState("");
  const closed = readable !== null && !mayOpen(route, readable);
  const isSearch = route.search !== "";
  const shownPage = isSearch ? foundPage(search, arrangement.order) : page && sorted(page, arrangement.order);
  const busy = useBusy();
  const heading = useRef<HTMLHeadingElement>(null);

  const sessionEnded = thrown instanceof SessionEnded || search.thrown instanceof SessionEnded;
  useEffect(() => {
    if (sessionEnded) onLeave(ENDED);
  }, [sessionEnded, onLeave]);
  useEffect(() => {
    queue.configure(user, uploadsUrl, () => onLeave(ENDED));
  }, [user, uploadsUrl, onLeave]);

  // A new folder is a new page: keyboard and screen reader users start at its heading.
  const previous = useRef<string | null>(null);
  useEffect(() => {
    if (previous.current !== null && previous.current !== folder && !route.file) heading.current?.focus();
    if (readable) previous.current = folder;
  }, [folder, readable, route.file]);
  const start = startOf(readable ?? [""]);
  const title = folder === start ? "All files" : shown(lastPart(folder)).replace(/\/$/, "") || "All files";
  useEffect(() => {
    document.title = `${route.file === null ? title : shown(lastPart(route.file))} – Private files`;
  }, [route.file, title]);
  useKeptPosition(page !== null && !loading, folder);

  const incomplete = needsAll(arrangement.order) && !isSearch && page?.nextToken && countOf(page) < MOST_SORTED;
  useEffect(() => {
    if (incomplete && !loading && !thrown) more(MOST_SORTED);
  });

  const mayUpload = uploadsUrl !== undefined && access !== null && mayChange("write", [folder], access);
  return (
    <>
      <button type="button" className="skip" onClick={() => heading.current?.focus()}>
        Skip to the files
      </button>
      <PageBar user={user} onSignOut={() => void (queue.clear(), onLeave("You have signed out."))} />
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
        <div className="toolbar">
          <p className="quiet" role="status">
            {busy ? BUSY : closed ? "" : isSearch ? searchSummary(search, route) : summary(page, loading, thrown)}
          </p>
          {!closed && uploadsUrl !== undefined && access && (
            <Uploader queue={queue} folder={folder} allowed={mayUpload} onNotice={setNotice} />
          )}
          {!closed && <ArrangementControls arrangement={arrangement} arrange={arrange} />}
        </div>
        {selection.names.size > 0 && shownPage && (
          <SelectionBar
            selection={selection}
            all={[...shownPage.folders, ...shownPage.items.map(({ name }) => name)]}
            items={shownPage.items}
            folder={folder}
            access={uploadsUrl === undefined ? null : access}
            onDeleted={isSearch ? search.again : reload}
          />
        )}
        {closed && <NoAccess route={route} readable={readable} />}
        {shownPage && !closed && (
          <FolderContents
            {...shownPage}
            route={route}
            view={arrangement.view}
            stale={loading && !isSearch}
            selection={selection}
            onExpired={renew}
          />
        )}
        {!page && loading && !isSearch && <Skeleton />}
        {page && !closed && !isSearch && !loading && !thrown && countOf(page) + page.unusable === 0 && (
          <Empty isStart={folder === start} mayUpload={mayUpload} />
        )}
        {isSearch && search.thrown !== null && !sessionEnded && (
          <ErrorMessage thrown={search.thrown} retry={search.goOn} />
        )}
        {isSearch && !closed && <SearchEnd search={search} route={route} />}
        {thrown !== null && !sessionEnded && !isSearch && <ErrorMessage thrown={thrown} retry={reload} />}
        {page?.nextToken && !thrown && !isSearch && <More loading={loading} more={more} />}
      </main>
      {uploadsUrl !== undefined && (
        <UploadsPanel
          queue={queue}
          notice={notice}
          onUploaded={isSearch ? search.again : reload}
          onClose={() => setNotice("")}
        />
      )}
      {route.file !== null && !closed && (
        <Preview route={route} file={route.file} items={shownPage?.items ?? []} onSessionEnded={() => onLeave(ENDED)} />
      )}
    </>
  );
}

function ArrangementControls(props: { arrangement: Arrangement; arrange: (change: Partial<Arrangement>) => void }) {
  const { arrangement, arrange } = props;
  return (
    <div className="arrangement">
      <label>
        <span>Sort by</span>
        <select value={arrangement.order} onChange={({ target }) => arrange({ order: target.value as Order })}>
          {Object.entries(ORDERS).map(([order, label]) => (
            <option key={order} value={order}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {(["grid", "list"] as const).map((view) => (
        <button
          key={view}
          type="button"
          aria-pressed={arrangement.view === view}
          onClick={() => arrange({ view })}
          className="view"
        >
          {view === "grid" ? "Grid" : "List"}
        </button>
      ))}
    </div>
  );
}

/** Loads more when it comes into sight, or is pressed. */
function More({ loading, more }: { loading: boolean; more: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    if (loading) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && latest.current(), {
      rootMargin: "600px",
    });
    observer.observe(button.current as HTMLButtonElement);
    return () => observer.disconnect();
  }, [loading]);
  return (
    <button ref={button} type="button" className="more" onClick={() => more()} disabled={loading}>
      {loading ? "Loading …" : "Show more"}
    </button>
  );
}

/** Scroll to where the user was, once the folder is loaded as far as it was then. */
function useKeptPosition(loaded: boolean, folder: string): void {
  const scrolled = useRef<string | null>(null);
  useEffect(() => {
    if (!loaded || scrolled.current === folder) return;
    scrolled.current = folder;
    scrollTo({ top: keptPosition().top, behavior: "instant" });
  }, [loaded, folder]);
}

/** How far the search is, and what the user can do about it. */
function SearchEnd({ search, route }: { search: Found; route: Route }) {
  return (
    <div className="search-end">
      {search.running && (
        <button type="button" onClick={search.stop}>
          Stop searching
        </button>
      )}
      {!search.running && !search.done && search.thrown === null && (
        <button type="button" onClick={search.goOn}>
          Continue searching
        </button>
      )}
      {search.done && search.found.length === 0 && (
        <div className="empty">
          <h2>
            No names contain “<bdi>{shown(route.search)}</bdi>”.
          </h2>
          <p>The search covered this folder and all folders in it.</p>
          <RouteLink to={{ ...route, search: "" }}>Show the whole folder</RouteLink>
        </div>
      )}
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

function Empty({ isStart, mayUpload }: { isStart: boolean; mayUpload: boolean }) {
  const advice = isStart ? "Your administrator can upload files." : "This folder is empty or no longer exists.";
  return (
    <div className="empty">
      <h2>No files yet</h2>
      <p>{mayUpload ? "Drop files and folders anywhere on this page, or choose them." : advice}</p>
      {!isStart && <RouteLink to={{ folder: "", search: "", file: null }}>Show all files</RouteLink>}
    </div>
  );
}

function countOf(page: Page): number {
  return page.items.length + page.folders.length;
}

function sorted(page: Page, order: Order): Page {
  return {
    ...page,
    folders: order === "name-back" ? page.folders.toReversed() : page.folders,
    items: arranged(page.items, order),
  };
}

function foundPage({ found }: Found, order: Order): Page {
  return { items: arranged(found.slice(0, MOST_FOUND), order), folders: [], nextToken: null, unusable: 0 };
}

function summary(page: Page | null, loading: boolean, thrown: unknown): string {
  if (loading) return "Loading …";
  if (!page || thrown) return "";
  const parts = [page.folders.length && counted(page.folders.length, "folder"), counted(page.items.length, "file")];
  return parts.filter(Boolean).join(", ") + (page.nextToken ? " so far" : "");
}

function searchSummary({ found, read, done, running }: Found, { search }: Route): string {
  const what = `${counted(found.length, "name")} with “${shown(search)}”`;
  const first = found.length > MOST_FOUND ? `, the first ${MOST_FOUND} are shown` : "";
  const covered = done ? `in ${counted(read, "file")}` : `in the first ${counted(read, "file")}`;
  return `${running ? "Searching: " : ""}${what} ${covered}${first}`;
}
