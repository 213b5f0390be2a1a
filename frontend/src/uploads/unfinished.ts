/** An upload in parts that has not finished, as the browser remembers it. */
export type Unfinished = {
  name: string;
  size: number;
  /** When the file was last changed, in milliseconds since 1970: tells it from another one of the same name. */
  modified: number;
  uploadId: string;
  partSize: number;
  /** When it was started, in milliseconds since 1970. */
  started: number;
};

const KEY = "unfinished-uploads";
const KEPT = 86_400_000; // S3 deletes the parts of an unfinished upload after a day

/** Return the uploads that have not finished, oldest first. */
export function unfinishedUploads(): Unfinished[] {
  let found: unknown;
  try {
    found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
  } catch {
    return []; // no storage, or not ours
  }
  return Array.isArray(found) ? found.filter((each) => isUnfinished(each) && Date.now() - each.started < KEPT) : [];
}

/** Return the unfinished upload of this file, if there is one. */
export function unfinishedUpload(name: string, file: File): Unfinished | undefined {
  return unfinishedUploads().find((each) => each.name === name && isSameFile(each, file));
}

/** Return whether a file is the one whose upload has not finished, as far as a browser can tell. */
export function isSameFile({ size, modified }: Unfinished, file: File): boolean {
  return size === file.size && modified === file.lastModified;
}

/** Remember an upload. */
export function remember(upload: Unfinished): void {
  store([...unfinishedUploads().filter(({ uploadId }) => uploadId !== upload.uploadId), upload]);
}

/** Forget an upload that was finished or given up. */
export function forget(id: string): void {
  store(unfinishedUploads().filter(({ uploadId }) => uploadId !== id));
}

/** Forget every upload; the next user of this browser must not see them. */
export function forgetAll(): void {
  store([]);
}

function store(uploads: Unfinished[]): void {
  try {
    if (uploads.length) localStorage.setItem(KEY, JSON.stringify(uploads));
    else localStorage.removeItem(KEY);
  } catch {
    // No storage, or a full one: this upload cannot be resumed after the tab is closed.
  }
}

function isUnfinished(value: unknown): value is Unfinished {
  if (typeof value !== "object" || value === null) return false;
  const { name, uploadId, size, modified, partSize, started } = value as Record<string, unknown>;
  const numbers = [size, modified, partSize, started];
  return typeof name === "string" && typeof uploadId === "string" && numbers.every(Number.isFinite);
}
