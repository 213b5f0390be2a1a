import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Countdown } from "./Countdown.tsx";
import { type FileItem, lastPart } from "./files.ts";
import { closeFile, go, type Place } from "./place.ts";
import { isExpired, open } from "./signed-url.ts";
import { TroubleBox } from "./TroubleBox.tsx";
import { asTrouble, SessionEnded } from "./trouble.ts";
import { useLink } from "./useLink.ts";
import { Viewer } from "./Viewer.tsx";
import { dateOf, shown, sizeOf } from "./wording.ts";

type Props = { place: Place; file: string; items: FileItem[]; onSessionEnded: () => void };

/** A file, open in front of its folder. */
export function Preview({ place, file, items, onSessionEnded }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  // Closed before it is gone, the dialog gives the focus back to where it came from.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  const index = items.findIndex(({ name }) => name === file);
  const beside = (step: number) => (index < 0 ? undefined : items[index + step]?.name);
  const show = (name: string | undefined) => name !== undefined && go({ ...place, file: name }, { replace: true });

  function turn(event: KeyboardEvent) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const used = (event.target as Element).closest("video, audio, section"); // they have a use of their own for these keys
    if (step && !used && !event.altKey && !event.ctrlKey && !event.metaKey) show(beside(step));
  }

  return (
    <dialog
      ref={dialog}
      className="preview"
      aria-labelledby="file-name"
      onKeyDown={turn}
      onClick={(event) => event.target === event.currentTarget && closeFile(place)}
      onClose={(event) => !event.currentTarget.open && closeFile(place)}
    >
      <header>
        <h2 id="file-name">
          <bdi>{shown(lastPart(file))}</bdi>
        </h2>
        <div className="turn">
          <button type="button" disabled={!beside(-1)} onClick={() => show(beside(-1))} aria-label="Previous file">
            ‹
          </button>
          <button type="button" disabled={!beside(1)} onClick={() => show(beside(1))} aria-label="Next file">
            ›
          </button>
          <button type="button" onClick={() => closeFile(place)} aria-label="Close">
            ×
          </button>
        </div>
      </header>
      <OpenFile key={file} file={file} known={items[index]} onSessionEnded={onSessionEnded} />
    </dialog>
  );
}

function OpenFile({
  file,
  known,
  onSessionEnded,
}: {
  file: string;
  known?: FileItem | undefined;
  onSessionEnded: () => void;
}) {
  const { link, thrown, renew, retry } = useLink(file);
  // The viewer keeps the URL it began with, for as long as it does without a new one.
  const [viewed, setViewed] = useState(known?.url && !isExpired(known.url) ? known.url : null);
  const [problem, setProblem] = useState<unknown>(null);
  const [said, setSaid] = useState("");
  const sessionEnded = thrown instanceof SessionEnded;
  useEffect(() => {
    if (sessionEnded) onSessionEnded();
  }, [sessionEnded, onSessionEnded]);
  if (!viewed && link) setViewed(link.url);
  const details = link ?? known;

  /** The viewer failed: with an expired URL it gets a new one, and otherwise the person gets the reason. */
  async function explain(url: string) {
    try {
      if (isExpired(url)) return setViewed((await renew()).url);
      await (await open(url, 1)).body?.cancel();
      setProblem("unreadable");
    } catch (error) {
      setProblem(error);
    }
  }

  async function download() {
    setSaid("One moment …");
    try {
      const { saved } = await renew();
      await (await open(saved, 1)).body?.cancel(); // a refusal would take the place of this page
      Object.assign(document.createElement("a"), { href: saved }).click();
      setSaid("The download has begun.");
    } catch (error) {
      const { message, advice } = asTrouble(error);
      setSaid(`${message} ${advice}`);
    }
  }

  async function copy(url: string) {
    await navigator.clipboard.writeText(url).then(
      () => setSaid("Copied. Whoever has the link can open the file until it expires."),
      () => setSaid("This browser does not let the page copy: open the file in a new tab, and copy its address."),
    );
  }

  if (thrown && !link) {
    return <div className="stage">{!sessionEnded && <TroubleBox thrown={thrown} retry={retry} />}</div>;
  }
  return (
    <>
      <div className="stage">
        {problem === null && viewed && details && (
          <Viewer file={file} size={details.size} url={viewed} onFailed={() => explain(viewed)} />
        )}
        {problem === "unreadable" && (
          <div className="empty">
            <h3>This browser cannot show the file.</h3>
            <p>Download it, and open it with a program of its kind.</p>
          </div>
        )}
        {problem !== null && problem !== "unreadable" && (
          <TroubleBox
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
          <button type="button" className="main" onClick={download} disabled={!link}>
            Download
          </button>
          <button type="button" onClick={() => link && copy(link.url)} disabled={!link}>
            Copy link
          </button>
          {link && (
            <a className="button" href={link.url} target="_blank" rel="noreferrer">
              Open in a new tab
            </a>
          )}
        </div>
        <p className="quiet">
          {details && `${sizeOf(details.size)} · ${dateOf(details.lastModified)}`}
          {link && <Countdown key={link.url} url={link.url} />}
        </p>
        <p role="status" className="said">
          {thrown ? asTrouble(thrown).message : said}
        </p>
      </footer>
    </>
  );
}
