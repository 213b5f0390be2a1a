import { type KeyboardEvent, lazy, Suspense, useEffect, useRef, useState } from "react";
import { Countdown } from "./Countdown.tsx";
import { useModal } from "./Dialog.tsx";
import { ErrorMessage } from "./ErrorMessage.tsx";
import { FileName } from "./FileName.tsx";
import { LinkRefused, open, Undisplayable } from "./file-request.ts";
import { type FileItem, lastPart, NoSuchFile } from "./files.ts";
import { extensionOf } from "./kinds.ts";
import { BUSY, useBusy } from "./retry.ts";
import { closeFile, navigate, type Route } from "./route.ts";
import { isExpired } from "./signed-url.ts";
import { asPageError, SessionEnded } from "./page-error.ts";
import { useLink } from "./useLink.ts";
import { Viewer } from "./Viewer.tsx";
import { detailsOf } from "./wording.ts";

const Share = lazy(() => import("./Share.tsx"));

const RENEWED_AT_MOST_EVERY = 10_000; // milliseconds; a new URL that fails, too, is not replaced again
const NOT_SAVED =
  "The file cannot be saved under its own name. Open it in a new tab, and save it from there under another name.";

type Props = { route: Route; file: string; items: FileItem[]; onSessionEnded: () => void };

/** The open file, in a dialog in front of its folder. */
export function Preview({ route, file, items, onSessionEnded }: Props) {
  const dialog = useModal();
  const [sharing, setSharing] = useState(false);

  const index = items.findIndex(({ name }) => name === file);
  const beside = (step: number) => (index < 0 ? undefined : items[index + step]?.name);
  const show = (name: string | undefined) =>
    name !== undefined && navigate({ ...route, file: name }, { replace: true });

  function onKeyDown(event: KeyboardEvent) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const used = (event.target as Element).closest("video, audio, section"); // these elements use the arrow keys
    if (step && !used && !event.altKey && !event.ctrlKey && !event.metaKey) show(beside(step));
  }

  return (
    <>
      <dialog
        ref={dialog}
        className="preview"
        aria-labelledby="file-name"
        onKeyDown={onKeyDown}
        onClick={(event) => event.target === event.currentTarget && closeFile(route)}
        onClose={(event) => !event.currentTarget.open && closeFile(route)}
      >
        <header>
          <h2 id="file-name">
            <FileName name={lastPart(file)} longest={60} />
          </h2>
          <div className="file-nav">
            <button type="button" disabled={!beside(-1)} onClick={() => show(beside(-1))} aria-label="Previous file">
              ‹
            </button>
            <button type="button" disabled={!beside(1)} onClick={() => show(beside(1))} aria-label="Next file">
              ›
            </button>
            <button type="button" onClick={() => closeFile(route)} aria-label="Close">
              ×
            </button>
          </div>
        </header>
        <OpenFile
          key={file}
          file={file}
          known={items[index]}
          onShare={() => setSharing(true)}
          onSessionEnded={onSessionEnded}
        />
      </dialog>
      {sharing && (
        <Suspense>
          <Share files={[file]} onClose={() => setSharing(false)} />
        </Suspense>
      )}
    </>
  );
}

function OpenFile({
  file,
  known,
  onShare,
  onSessionEnded,
}: {
  file: string;
  known?: FileItem | undefined;
  onShare: () => void;
  onSessionEnded: () => void;
}) {
  const { link, thrown, renew, retry } = useLink(file);
  // The viewer keeps its first URL until that fails.
  const [viewed, setViewed] = useState(known?.url && !isExpired(known.url) ? known.url : null);
  const [problem, setProblem] = useState<unknown>(null);
  const [status, setStatus] = useState("");
  const busy = useBusy();
  const sessionEnded = thrown instanceof SessionEnded;
  useEffect(() => {
    if (sessionEnded) onSessionEnded();
  }, [sessionEnded, onSessionEnded]);
  if (!viewed && link) setViewed(link.url);
  const details = link ?? known;
  const isFilm = extensionOf(file) === "m3u8"; // which nobody can watch with a link to its playlist alone
  const shareable = isFilm ? null : (link?.url ?? (known?.url && !isExpired(known.url) ? known.url : null));
  const loadedAgain = useRef<string | null>(null);
  const [attempt, setAttempt] = useState(0);
  const renewedAt = useRef(Number.NEGATIVE_INFINITY);

  /** Handle a failure of the viewer: replace an expired or refused URL once, or show the reason. */
  async function handleFailure(url: string, known?: unknown) {
    if (known instanceof SessionEnded) return onSessionEnded();
    const mayRenew = performance.now() - renewedAt.current > RENEWED_AT_MOST_EVERY;
    try {
      if (mayRenew && isExpired(url) && (await replace(url))) return;
      if (known !== undefined) throw known;
      await (await open(url, 1)).body?.cancel();
      // The server may have been too busy for the viewer alone.
      if (loadedAgain.current === url) return setProblem(new Undisplayable());
      loadedAgain.current = url;
      setAttempt((number) => number + 1);
    } catch (error) {
      // This device's clock may be slow, or the key that signed the URL was removed.
      const replaced = mayRenew && error instanceof LinkRefused && (await replace(url).catch(() => false));
      if (!replaced) setProblem(error);
    }
  }

  /** Show the file with a new URL. Returns false if it is the same one. */
  async function replace(url: string): Promise<boolean> {
    renewedAt.current = performance.now();
    const fresh = await renew();
    setViewed(fresh.url);
    return fresh.url !== url;
  }

  async function download() {
    setStatus("Preparing the download …");
    try {
      const { saved } = await renew();
      if (!saved) return setStatus(NOT_SAVED);
      await (await open(saved, 1)).body?.cancel(); // otherwise a refusal would replace this page
      Object.assign(document.createElement("a"), { href: saved }).click();
      setStatus("Download started.");
    } catch (error) {
      const { message, advice } = asPageError(error);
      setStatus(`${message} ${advice}`);
    }
  }

  async function copy(url: string) {
    try {
      await navigator.clipboard.writeText(url); // the clipboard needs HTTPS
      setStatus("Link copied. Anyone who has it can open the file until it expires.");
    } catch {
      setStatus("The browser did not allow copying. Open the file in a new tab and copy its address.");
    }
  }

  if (thrown && !link && (!viewed || sessionEnded || thrown instanceof NoSuchFile)) {
    return <div className="stage">{!sessionEnded && <ErrorMessage thrown={thrown} retry={retry} />}</div>;
  }
  return (
    <>
      <div className="stage">
        {problem === null && viewed && details && (
          <Viewer
            key={attempt}
            file={file}
            size={details.size}
            url={viewed}
            onFailed={(error) => handleFailure(viewed, error)}
          />
        )}
        {problem !== null && (
          <ErrorMessage
            thrown={problem}
            retry={() => {
              setProblem(null);
              setViewed(null);
              retry();
            }}
          />
        )}
      </div>
      <footer>
        <div className="actions">
          {!isFilm && (
            <button type="button" className="main" onClick={onShare} disabled={!shareable}>
              Share …
            </button>
          )}
          <button type="button" onClick={download} disabled={!link && !thrown}>
            Download
          </button>
          {!isFilm && (
            <button type="button" onClick={() => shareable && copy(shareable)} disabled={!shareable}>
              Copy link
            </button>
          )}
          {shareable && (
            <a className="button" href={shareable} target="_blank" rel="noreferrer">
              Open in a new tab
            </a>
          )}
        </div>
        <p className="quiet">
          {details && <span>{detailsOf(details)}</span>}
          {shareable && <Countdown key={shareable} url={shareable} />}
        </p>
        <p role="status" className="status">
          {busy ? BUSY : status || (thrown ? asPageError(thrown).message : "")}
        </p>
      </footer>
    </>
  );
}
