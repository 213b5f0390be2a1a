import { type ChangeEvent, useEffect, useRef, useState } from "react";
import { Dialog } from "../Dialog.tsx";
import { lastPart } from "../files.ts";
import { counted, shown } from "../wording.ts";
import { type Choice, chosenFiles, droppedFiles } from "./dropped-files.ts";
import { existingNames, freeName, looks } from "./existing-names.ts";
import { NewFolder } from "./NewFolder.tsx";
import type { UploadQueue } from "./upload-queue.ts";

type Props = { queue: UploadQueue; folder: string; allowed: boolean; onNotice: (notice: string) => void };
type Named = { name: string; file: File };
type Collisions = { free: Named[]; taken: Named[]; existing: Map<string, string> };

/** Buttons that upload files and folders, and the page as a place to drop them. */
export function Uploader({ queue, folder, allowed, onNotice }: Props) {
  const [collisions, setCollisions] = useState<Collisions | null>(null);
  const [naming, setNaming] = useState(false);
  const files = useRef<HTMLInputElement>(null);
  const folders = useRef<HTMLInputElement>(null);

  async function upload(choosing: Promise<Choice>) {
    onNotice("Preparing the upload …");
    let choice: Choice;
    try {
      choice = await choosing;
    } catch {
      return onNotice("The files could not be read. They may have been moved or deleted; choose them again.");
    }
    const named = choice.files.map(({ path, file }) => ({ name: folder + path, file }));
    onNotice(noticeOf(choice));
    if (named.length === 0) return;
    // Without the list, S3 refuses to overwrite, and the user decides then.
    const existing = await existingNames(named.map(({ name }) => name)).catch(() => new Map<string, string>());
    const taken = named.filter(({ name }) => existing.has(looks(name)));
    const free = named.filter(({ name }) => !existing.has(looks(name)));
    if (taken.length > 0) setCollisions({ free, taken, existing });
    else queue.add(free, false);
  }

  function decide(decision: "skip" | "replace" | "keep" | null) {
    if (collisions && decision) {
      const { free, taken, existing } = collisions;
      queue.add(free, false);
      if (decision === "replace") {
        queue.add(
          taken.map(({ name, file }) => ({ name: existing.get(looks(name)) ?? name, file })),
          true,
        );
      }
      if (decision === "keep") queue.add(renamed(collisions), false);
    }
    setCollisions(null);
  }

  function choose({ currentTarget }: ChangeEvent<HTMLInputElement>) {
    const choice = chosenFiles(currentTarget);
    currentTarget.value = ""; // the same files can be chosen again
    void upload(Promise.resolve(choice));
  }

  const isOver = useDrop((transfer) => {
    if (allowed) void upload(droppedFiles(transfer));
    else onNotice("You may not upload files into this folder. Ask your administrator if you need to.");
  });

  return (
    <>
      {allowed && (
        <div className="upload-buttons">
          <button type="button" className="main" onClick={() => files.current?.click()}>
            Upload files
          </button>
          <button type="button" onClick={() => folders.current?.click()}>
            Upload a folder
          </button>
          <button type="button" onClick={() => setNaming(true)}>
            New folder …
          </button>
          <input ref={files} type="file" multiple hidden onChange={choose} aria-label="Files to upload" />
          <input ref={folders} type="file" webkitdirectory="" hidden onChange={choose} aria-label="Folder to upload" />
        </div>
      )}
      {isOver && (
        <div className="drop-target" aria-hidden="true">
          <p>
            {allowed ? (
              <>
                Drop files and folders to upload them to <bdi>{shown(lastPart(folder)) || "all files"}</bdi>
              </>
            ) : (
              "You may not upload files into this folder"
            )}
          </p>
        </div>
      )}
      {naming && <NewFolder folder={folder} onClose={() => setNaming(false)} />}
      {collisions && (
        <Dialog
          title={collisionTitle(collisions.taken.length, collisions.free.length + collisions.taken.length)}
          onClose={() => decide(null)}
        >
          <NameList names={collisions.taken.map(({ name }) => name.slice(folder.length))} />
          <div className="actions">
            <button type="button" className="main" onClick={() => decide("skip")}>
              Skip
            </button>
            <button type="button" onClick={() => decide("replace")}>
              Replace
            </button>
            <button type="button" onClick={() => decide("keep")}>
              Keep both
            </button>
            <button type="button" className="plain" onClick={() => decide(null)}>
              Cancel
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

const LONGEST_LIST = 8;

/** The first of these names, and how many others there are. */
export function NameList({ names }: { names: string[] }) {
  return (
    <ul className="names">
      {names.slice(0, LONGEST_LIST).map((name) => (
        <li key={name}>
          <bdi>{shown(name)}</bdi>
        </li>
      ))}
      {names.length > LONGEST_LIST && <li>and {counted(names.length - LONGEST_LIST, "other")}</li>}
    </ul>
  );
}

function collisionTitle(taken: number, all: number): string {
  if (all === 1) return "This file exists already";
  return `${taken.toLocaleString()} of ${counted(all, "file")} ${taken === 1 ? "exists" : "exist"} already`;
}

function renamed({ free, taken, existing }: Collisions): Named[] {
  const used = new Set([...free, ...taken].map(({ name }) => looks(name)));
  return taken.map(({ name, file }) => {
    const other = freeName(name, (candidate) => used.has(looks(candidate)) || existing.has(looks(candidate)));
    used.add(looks(other));
    return { name: other, file };
  });
}

function noticeOf({ files, empty }: Choice): string {
  if (empty.length) {
    const names = empty.slice(0, 3).map(shown).join(", ") + (empty.length > 3 ? " …" : "");
    return `${counted(empty.length, "folder")} without files cannot be uploaded: ${names}`;
  }
  return files.length ? "" : "There was no file to upload.";
}

const LONGEST_PAUSE = 700; // milliseconds between two events while files are dragged over the page

/** Call `onDrop` if files are dropped anywhere on the page, and return whether files are over it. */
function useDrop(onDrop: (transfer: DataTransfer) => void): boolean {
  const [isOver, setIsOver] = useState(false);
  const latest = useRef(onDrop);
  latest.current = onDrop;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault(); // otherwise the browser opens the file
      setIsOver(true);
      clearTimeout(timer);
      // Not `dragleave`, which is missing if what is under the pointer changes: this event comes again and again.
      timer = setTimeout(() => setIsOver(false), LONGEST_PAUSE);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      clearTimeout(timer);
      setIsOver(false);
      if (event.dataTransfer && !document.querySelector("dialog[open]")) latest.current(event.dataTransfer);
    };
    const listeners = { dragenter: over, dragover: over, drop } as const;
    for (const [type, listener] of Object.entries(listeners)) addEventListener(type as "drop", listener);
    return () => {
      clearTimeout(timer);
      for (const [type, listener] of Object.entries(listeners)) removeEventListener(type as "drop", listener);
    };
  }, []);
  return isOver;
}

function hasFiles({ dataTransfer }: DragEvent): boolean {
  return dataTransfer?.types.includes("Files") ?? false;
}

declare module "react" {
  interface InputHTMLAttributes<T> {
    webkitdirectory?: string;
  }
}
