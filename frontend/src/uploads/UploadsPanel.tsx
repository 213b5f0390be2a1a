import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { lastPart } from "../files.ts";
import { counted, shown, sizeOf } from "../wording.ts";
import { freeName } from "./existing-names.ts";
import { forget, isSameFile, type Unfinished, unfinishedUploads } from "./unfinished.ts";
import { cancelUpload } from "./upload-api.ts";
import type { Item, State, UploadQueue } from "./upload-queue.ts";

const ROWS = 50; // a row for each of 10,000 files would make the page slow
const FIRST: State[] = ["exists", "failed", "sending", "waiting", "done", "cancelled"];

type Props = { queue: UploadQueue; notice: string; onUploaded: () => void; onClose: () => void };

/** The progress of all uploads, and what the user can do with each. */
export function UploadsPanel({ queue, notice, onUploaded, onClose }: Props) {
  const items = useSyncExternalStore(queue.subscribe, queue.snapshot);
  const of = (state: State) => items.filter((item) => item.state === state);
  const [done, undecided] = [of("done"), [...of("exists"), ...of("failed")]];
  const isActive = items.some(({ state }) => state === "sending" || state === "waiting");
  useUploaded(done.length, isActive, onUploaded);
  useWarning(isActive);
  if (items.length === 0) return <Resumable queue={queue} notice={notice} />;

  function close() {
    queue.clear();
    onClose();
  }
  const counting = items.filter(({ state }) => state !== "cancelled");
  const total = counting.reduce((sum, { file }) => sum + file.size, 0);
  const sent = counting.reduce((sum, item) => sum + item.sent, 0);
  const rows = FIRST.flatMap(of).slice(0, ROWS);
  return (
    <section className="uploads" aria-label="Uploads">
      <header>
        <h2>{titleOf(counting.length, done.length, undecided.length, isActive)}</h2>
        <div className="actions">
          {of("failed").length > 1 && (
            <button type="button" onClick={() => of("failed").forEach((item) => queue.retry(item))}>
              Try all again
            </button>
          )}
          {isActive ? (
            <button type="button" onClick={() => queue.cancelAll()}>
              Cancel all
            </button>
          ) : (
            <button type="button" onClick={close}>
              Close
            </button>
          )}
        </div>
      </header>
      {/* Announced when it changes, which the progress below does too often. */}
      <p role="status" className="quiet">
        {notice || summaryOf(done.length, counting.length, undecided.length, isActive)}
      </p>
      <progress aria-label="All uploads" value={total ? sent / total : 1} />
      <p className="quiet">
        {sizeOf(sent)} of {sizeOf(total)}
      </p>
      <ul aria-label="Files being uploaded">
        {rows.map((item) => (
          <Row key={item.id} item={item} queue={queue} />
        ))}
      </ul>
      {items.length > ROWS && <p className="quiet">and {counted(items.length - ROWS, "other file")}</p>}
    </section>
  );
}

function Row({ item, queue }: { item: Item; queue: UploadQueue }) {
  const { name, state, sent, file, problem } = item;
  const label = shown(lastPart(name));
  const stopped = state === "failed" || state === "exists";
  return (
    <li className={state}>
      <bdi title={shown(name)}>{label}</bdi>
      {state === "sending" && <progress aria-label={label} value={file.size ? sent / file.size : 0} />}
      <span className="quiet">
        {
          {
            waiting: "Waiting",
            sending: "",
            exists: "There is a file with this name",
            failed: problem,
            cancelled: "Cancelled",
            done: "Uploaded",
          }[state]
        }
      </span>
      <span className="actions">
        {state === "failed" && (
          <button type="button" onClick={() => queue.retry(item)} aria-label={`Try again: ${label}`}>
            Try again
          </button>
        )}
        {state === "exists" && (
          <>
            <button
              type="button"
              onClick={() => queue.retry(item, { overwrite: true })}
              aria-label={`Replace ${label}`}
            >
              Replace
            </button>
            <button
              type="button"
              onClick={() => queue.retry(item, { name: freeName(name, (other) => other === name) })}
              aria-label={`Keep both: ${label}`}
            >
              Keep both
            </button>
          </>
        )}
        {(stopped || state === "sending" || state === "waiting") && (
          <button
            type="button"
            onClick={() => queue.cancel(item)}
            aria-label={`${stopped ? "Skip" : "Cancel"} ${label}`}
          >
            {stopped ? "Skip" : "Cancel"}
          </button>
        )}
      </span>
    </li>
  );
}

/** Uploads that the last visit did not finish. A page may not keep the files, so the user chooses them again. */
function Resumable({ queue, notice }: { queue: UploadQueue; notice: string }) {
  const [unfinished, setUnfinished] = useState(unfinishedUploads);
  const [problem, setProblem] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const wanted = useRef<Unfinished>(null);
  const told = problem || notice;
  if (unfinished.length === 0)
    return (
      <p className="uploads-notice" role="status">
        {told}
      </p>
    );

  function resume(upload: Unfinished, file: File) {
    if (!isSameFile(upload, file)) {
      return setProblem(`${shown(file.name)} is not the same file: its size or date is another one.`);
    }
    queue.add([{ name: upload.name, file }], false);
  }
  function discard(upload: Unfinished) {
    forget(upload.uploadId);
    setUnfinished(unfinishedUploads());
    void cancelUpload(upload.name, upload.uploadId).catch(() => {}); // S3 deletes the parts after a day
  }
  return (
    <section className="uploads" aria-label="Unfinished uploads">
      <h2>{counted(unfinished.length, "upload")} did not finish</h2>
      <p role="status" className="quiet">
        {told || "Choose the same file again to continue where it stopped."}
      </p>
      <ul>
        {unfinished.map((upload) => (
          <li key={upload.uploadId}>
            <bdi>{shown(upload.name)}</bdi>
            <span className="quiet">{sizeOf(upload.size)}</span>
            <span className="actions">
              <button
                type="button"
                onClick={() => {
                  wanted.current = upload;
                  input.current?.click();
                }}
                aria-label={`Choose the file ${shown(lastPart(upload.name))} again`}
              >
                Choose the file
              </button>
              <button
                type="button"
                onClick={() => discard(upload)}
                aria-label={`Discard ${shown(lastPart(upload.name))}`}
              >
                Discard
              </button>
            </span>
          </li>
        ))}
      </ul>
      <input
        ref={input}
        type="file"
        hidden
        aria-label="The file to continue"
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          if (file && wanted.current) resume(wanted.current, file);
          currentTarget.value = "";
        }}
      />
    </section>
  );
}

const RELOADED_EVERY = 3_000; // milliseconds

/** Call `onUploaded` after files have arrived: at the end, and every few seconds until then. */
function useUploaded(count: number, isActive: boolean, onUploaded: () => void): void {
  const reported = useRef({ count: 0, at: 0 });
  const latest = useRef(onUploaded);
  latest.current = onUploaded;
  useEffect(() => {
    if (count < reported.current.count) reported.current.count = count; // the list was cleared
    if (count === reported.current.count) return;
    const wait = isActive ? Math.max(0, reported.current.at + RELOADED_EVERY - Date.now()) : 0;
    const timer = setTimeout(() => {
      reported.current = { count, at: Date.now() };
      latest.current();
    }, wait);
    return () => clearTimeout(timer);
  }, [count, isActive]);
}

/** Let the browser warn before the page is closed. */
function useWarning(isActive: boolean): void {
  useEffect(() => {
    if (!isActive) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener("beforeunload", warn);
    return () => removeEventListener("beforeunload", warn);
  }, [isActive]);
}

function titleOf(all: number, done: number, undecided: number, isActive: boolean): string {
  if (isActive) return `Uploading ${counted(all, "file")}`;
  return undecided ? `${counted(undecided, "file")} not uploaded` : `${counted(done, "file")} uploaded`;
}

function summaryOf(done: number, all: number, undecided: number, isActive: boolean): string {
  const waiting = undecided ? `; ${undecided.toLocaleString()} need${undecided === 1 ? "s" : ""} your decision` : "";
  return isActive ? `${done.toLocaleString()} of ${all.toLocaleString()} uploaded${waiting}` : `Finished${waiting}`;
}
