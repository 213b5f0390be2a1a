import { useEffect, useRef } from "react";
import { Breadcrumbs } from "./Breadcrumbs.tsx";
import { FileTile } from "./FileTile.tsx";
import { lastPart, type Page } from "./files.ts";
import { PlaceLink } from "./PlaceLink.tsx";
import { Preview } from "./Preview.tsx";
import { type Place, usePlace } from "./place.ts";
import { Search } from "./Search.tsx";
import { TroubleBox } from "./TroubleBox.tsx";
import { SessionEnded } from "./trouble.ts";
import { useFolder } from "./useFolder.ts";
import { counted, shown } from "./wording.ts";

type Props = { user: string | undefined; onLeave: (why: string) => void };

/** One folder at a time: its folders, its files with their pictures, and the file that is open in front. */
export default function FilesPage({ user, onLeave }: Props) {
  const place = usePlace();
  const { page, loading, thrown, more, reload, renew } = useFolder(place.folder, place.search);
  const heading = useRef<HTMLHeadingElement>(null);

  const sessionEnded = thrown instanceof SessionEnded;
  useEffect(() => {
    if (sessionEnded) onLeave(ENDED);
  }, [sessionEnded, onLeave]);

  // A new folder is a new page: who reads with the keyboard or by ear begins at its heading.
  const arrived = useRef(place.folder);
  useEffect(() => {
    if (arrived.current !== place.folder && !place.file) heading.current?.focus();
    arrived.current = place.folder;
  }, [place.folder, place.file]);
  useEffect(() => {
    document.title = `${shown(lastPart(place.file ?? place.folder)) || "All files"} – Private files`;
  }, [place.file, place.folder]);

  return (
    <>
      <button type="button" className="skip" onClick={() => heading.current?.focus()}>
        Skip to the files
      </button>
      <header className="top">
        <PlaceLink to={{ folder: "", search: "", file: null }} className="brand">
          <img src="./icon.svg" alt="" width="32" height="32" />
          Private files
        </PlaceLink>
        {user !== undefined && (
          <div className="who">
            <span dir="auto">{shown(user)}</span>
            <button type="button" onClick={() => onLeave("You are signed out.")}>
              Sign out
            </button>
          </div>
        )}
      </header>
      <main aria-busy={loading}>
        <Breadcrumbs folder={place.folder} />
        <div className="title">
          <h1 ref={heading} tabIndex={-1} dir="auto">
            {shown(lastPart(place.folder)).replace(/\/$/, "") || "All files"}
          </h1>
          <Search key={place.folder} place={place} />
        </div>
        <p className="quiet" role="status">
          {summary(page, loading, thrown, place)}
        </p>
        {page && <Contents page={page} place={place} stale={loading} onExpired={renew} />}
        {!page && loading && <Skeleton />}
        {page && !loading && !thrown && isEmpty(page) && <Empty place={place} />}
        {thrown !== null && !sessionEnded && <TroubleBox thrown={thrown} retry={reload} />}
        {page?.nextToken && !thrown && (
          <button type="button" className="more" onClick={more} disabled={loading}>
            {loading ? "One moment …" : "Show more"}
          </button>
        )}
      </main>
      {place.file !== null && (
        <Preview place={place} file={place.file} items={page?.items ?? []} onSessionEnded={() => onLeave(ENDED)} />
      )}
    </>
  );
}

const ENDED = "Your session has ended. Sign in to go on where you were.";

function Contents(props: { page: Page; place: Place; stale: boolean; onExpired: () => void }) {
  const { page, place, stale, onExpired } = props;
  return (
    <div className={stale ? "stale" : undefined}>
      {page.folders.length > 0 && (
        <ul className="folders" aria-label="Folders">
          {page.folders.map((folder) => (
            <li key={folder}>
              <PlaceLink to={{ folder, search: "", file: null }} className="folder">
                <bdi>{shown(lastPart(folder)).replace(/\/$/, "") || "(no name)"}</bdi>
              </PlaceLink>
            </li>
          ))}
        </ul>
      )}
      {page.items.length > 0 && (
        <ul className="files" aria-label="Files">
          {page.items.map((item) => (
            <FileTile key={item.name} item={item} place={place} onExpired={onExpired} />
          ))}
        </ul>
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

function Empty({ place }: { place: Place }) {
  if (place.search) {
    return (
      <div className="empty">
        <h2>
          No name here begins with “<bdi>{shown(place.search)}</bdi>”.
        </h2>
        <p>Upper and lower case count, and only this folder is searched.</p>
        <PlaceLink to={{ ...place, search: "" }}>Show the whole folder</PlaceLink>
      </div>
    );
  }
  return (
    <div className="empty">
      <h2>Nothing is kept here yet.</h2>
      <p>
        {place.folder
          ? "The folder is empty, or it is gone."
          : "Whoever runs this page can upload files to its bucket."}
      </p>
      {place.folder && <PlaceLink to={{ folder: "", search: "", file: null }}>Show all files</PlaceLink>}
    </div>
  );
}

function isEmpty(page: Page): boolean {
  return page.items.length + page.folders.length === 0;
}

function summary(page: Page | null, loading: boolean, thrown: unknown, place: Place): string {
  if (loading) return "Reading the folder …";
  if (!page || thrown) return "";
  const parts = [page.folders.length && counted(page.folders.length, "folder"), counted(page.items.length, "file")];
  const found = parts.filter(Boolean).join(", ");
  const rest = page.nextToken ? " so far" : "";
  return place.search ? `${found}${rest} with names that begin with “${shown(place.search)}”` : found + rest;
}
