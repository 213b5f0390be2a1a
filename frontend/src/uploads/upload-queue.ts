import { getFile } from "../files.ts";
import { Refused } from "../graphql.ts";
import { asPageError, PageError, SessionEnded } from "../page-error.ts";
import { NotTaken, put } from "./put.ts";
import { forget, forgetAll, remember, unfinishedUpload } from "./unfinished.ts";
import {
  arrivedParts,
  cancelUpload,
  type DonePart,
  FILES_AT_A_TIME,
  finishUpload,
  type Grant,
  PARTS_AT_A_TIME,
  signParts,
  startUploads,
} from "./upload-api.ts";

/** `exists`: there is a file with this name, and the user decides. */
export type State = "waiting" | "sending" | "exists" | "failed" | "cancelled" | "done";

/** A file in the queue; `sent` counts its bytes, `problem` says why it has failed. */
export type Item = {
  readonly id: number;
  readonly file: File;
  name: string;
  overwrite: boolean;
  state: State;
  sent: number;
  problem: string;
};

const AT_A_TIME = 4; // files, and parts of one file
const PAUSES = [1_000, 3_000, 10_000]; // milliseconds before each retry
const GRANT_KEPT = 600_000; // milliseconds; the URL of an upload is valid for 900 seconds
const SINGLE_REQUEST = 16 * 1024 ** 2; // larger files are sent in parts (`resolvers/upload_plan.py`)
const REDRAWN_EVERY = 100; // milliseconds

/** Uploads files, some at a time. It lives as long as the page: the user may open other folders meanwhile. */
export class UploadQueue {
  #items: Item[] = [];
  #snapshot: readonly Item[] = [];
  #listeners = new Set<() => void>();
  #redraw: ReturnType<typeof setTimeout> | undefined;
  #waiting: Item[] = [];
  #working = 0;
  #sending = new Map<Item, AbortController>();
  #grants = new Map<Item, { at: number; grant: Promise<Grant | Refused> }>();
  #ids = 0;

  #user: string | undefined;
  #origin: string | undefined;
  #onSessionEnded: () => void = () => {};

  /** Upload as this user, to this server. Another user than before starts with an empty queue. */
  configure(user: string | undefined, origin: string | undefined, onSessionEnded: () => void): void {
    if (this.#items.length > 0 && user !== this.#user) this.clear();
    this.#user = user;
    this.#origin = origin;
    this.#onSessionEnded = onSessionEnded;
  }

  /** Call `listener` after changes, a few times a second at most. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Return all files; the array is another one after each change. */
  snapshot = (): readonly Item[] => this.#snapshot;

  /** Upload files under these names. */
  add(files: { name: string; file: File }[], overwrite: boolean): void {
    for (const { name, file } of files) {
      this.#ids += 1;
      const item: Item = { id: this.#ids, file, name, overwrite, state: "waiting", sent: 0, problem: "" };
      this.#items.push(item);
      this.#waiting.push(item);
    }
    this.#changed();
    this.#work();
  }

  /** Upload a file again that has failed or exists, under another name or instead of the existing one. */
  retry(item: Item, { name = item.name, overwrite = item.overwrite } = {}): void {
    if (name !== item.name) this.#giveUpParts(item);
    Object.assign(item, { name, overwrite, state: "waiting", problem: "" });
    this.#waiting.push(item);
    this.#changed();
    this.#work();
  }

  /** Stop the upload of a file, and delete what has arrived of it. */
  cancel(item: Item): void {
    this.#waiting = this.#waiting.filter((other) => other !== item);
    this.#grants.delete(item);
    item.state = "cancelled";
    this.#sending.get(item)?.abort();
    this.#giveUpParts(item);
    this.#changed();
  }

  /** Stop everything that is not done. */
  cancelAll(): void {
    for (const item of this.#items) if (item.state !== "done" && item.state !== "cancelled") this.cancel(item);
  }

  /** Stop and remove all uploads, and forget those to resume. */
  clear(): void {
    this.cancelAll();
    forgetAll();
    this.#items = [];
    this.#changed();
  }

  #work(): void {
    while (this.#working < AT_A_TIME && this.#waiting.length > 0) {
      this.#working += 1;
      void this.#workOff();
    }
  }

  async #workOff(): Promise<void> {
    for (let item = this.#waiting.shift(); item; item = this.#waiting.shift()) await this.#upload(item);
    this.#working -= 1;
  }

  async #upload(item: Item): Promise<void> {
    const controller = new AbortController();
    this.#sending.set(item, controller);
    item.state = "sending";
    item.sent = 0;
    this.#changed();
    try {
      await this.#send(item, controller.signal);
      item.sent = item.file.size;
      item.state = "done";
    } catch (error) {
      if (!controller.signal.aborted) this.#failed(item, error);
    } finally {
      this.#sending.delete(item);
      this.#changed();
    }
  }

  #failed(item: Item, error: unknown): void {
    const exists =
      (error instanceof NotTaken && error.reason === "exists") ||
      (error instanceof Refused && error.type === "FileExists");
    item.state = exists ? "exists" : "failed";
    item.problem = exists ? "" : problemOf(error);
    if (!(error instanceof SessionEnded)) return;
    for (const other of this.#waiting) Object.assign(other, { state: "failed", problem: item.problem });
    this.#waiting = [];
    this.#onSessionEnded();
  }

  async #send(item: Item, signal: AbortSignal): Promise<void> {
    const known = unfinishedUpload(item.name, item.file);
    const arrived = known && (await patiently(() => arrivedParts(item.name, known.uploadId), signal));
    if (known && arrived) return this.#sendParts(item, known, arrived, signal);
    if (known) forget(known.uploadId);
    const grant = await patiently(() => this.#grant(item), signal);
    if ("url" in grant) return this.#sendWhole(item, grant, signal);
    const { name, file } = item;
    remember({ name, size: file.size, modified: file.lastModified, started: Date.now(), ...grant });
    return this.#sendParts(item, grant, [], signal);
  }

  /** Return how to send a file. The request includes the small files that are next, which saves theirs. */
  async #grant(item: Item): Promise<Grant> {
    const kept = this.#grants.get(item);
    this.#grants.delete(item);
    if (kept && Date.now() - kept.at < GRANT_KEPT) return unlessRefused(await kept.grant);
    const isNext = (other: Item) => other.overwrite === item.overwrite && !this.#grants.has(other);
    const next = this.#waiting.filter((other) => other.file.size <= SINGLE_REQUEST && isNext(other));
    const batch = [item, ...next.slice(0, FILES_AT_A_TIME - 1)];
    const started = startUploads(
      batch.map(({ name, file }) => ({ name, size: file.size })),
      item.overwrite,
    );
    const at = Date.now();
    batch.forEach((each, index) => {
      const grant = started.then((all) => all[index] as Grant | Refused);
      grant.catch(() => {}); // the file that waits for it reports it
      if (each !== item) this.#grants.set(each, { at, grant });
    });
    return unlessRefused((await started)[0] as Grant | Refused);
  }

  async #sendWhole(item: Item, first: Grant & { url: string }, signal: AbortSignal): Promise<void> {
    const began = Date.now();
    let grant: Grant | undefined = first;
    let brokeOff = false;
    const attempt = async () => {
      const current = grant ?? (await this.#grant(item));
      grant = undefined; // a retry has a new URL
      if (!("url" in current)) throw new NotTaken("refused", "The file became larger while it waited.");
      await put(this.#reachable(current.url), item.file, {
        headers: current.headers,
        signal,
        onProgress: (sent) => this.#progress(item, sent),
      });
    };
    try {
      await patiently(attempt, signal, () => {
        brokeOff = true;
      });
    } catch (error) {
      // The content may have arrived although its response was lost: then the retry finds a file with this name.
      const exists = error instanceof NotTaken && error.reason === "exists";
      if (!(exists && brokeOff && (await hasArrived(item, began)))) throw error;
    }
  }

  async #sendParts(
    item: Item,
    { uploadId, partSize }: { uploadId: string; partSize: number },
    arrived: DonePart[],
    signal: AbortSignal,
  ): Promise<void> {
    const { name, file } = item;
    const lengthOf = (part: number) => Math.min(partSize, file.size - (part - 1) * partSize);
    const all = Array.from({ length: Math.ceil(file.size / partSize) }, (_, index) => index + 1);
    const done = new Map(arrived.filter(({ part, size }) => size === lengthOf(part)).map((each) => [each.part, each]));
    const missing = all.filter((part) => !done.has(part));
    const sentOf = new Map([...done.values()].map(({ part, size }) => [part, size]));
    const urls = new Map<number, Promise<string>>();
    const stop = new AbortController(); // if one part fails, the others stop, too
    const either = AbortSignal.any([signal, stop.signal]);

    const urlOf = (part: number): Promise<string> => {
      if (!urls.has(part)) {
        const batch = [part, ...missing.filter((other) => !urls.has(other)).slice(0, PARTS_AT_A_TIME - 1)];
        const signed = signParts(name, uploadId, file.size, batch);
        for (const each of batch) {
          const url = signed.then((found) => found.get(each) as string);
          url.catch(() => {}); // the part that waits for it reports it
          urls.set(each, url);
        }
      }
      const url = urls.get(part) as Promise<string>;
      urls.delete(part); // a retry has a new URL
      return url;
    };
    const count = (part: number, sent: number) => {
      sentOf.set(part, sent);
      this.#progress(
        item,
        [...sentOf.values()].reduce((sum, each) => sum + each, 0),
      );
    };
    const sendParts = async () => {
      for (let part = missing.shift(); part; part = missing.shift()) {
        const number = part;
        const begin = (number - 1) * partSize;
        const slice = file.slice(begin, begin + lengthOf(number));
        const attempt = async () =>
          put(this.#reachable(await urlOf(number)), slice, {
            headers: [],
            signal: either,
            onProgress: (sent) => count(number, sent),
          });
        const etag = await patiently(attempt, either);
        count(number, slice.size);
        done.set(number, { part: number, size: slice.size, etag });
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, sendParts)).catch((error: unknown) => {
      stop.abort();
      throw error;
    });
    const parts = all.map((part) => done.get(part) as DonePart);
    await patiently(() => finishUpload(name, uploadId, file.size, parts, item.overwrite), signal);
    forget(uploadId);
  }

  #giveUpParts(item: Item): void {
    const known = unfinishedUpload(item.name, item.file);
    if (!known) return;
    forget(known.uploadId);
    void cancelUpload(item.name, known.uploadId).catch(() => {}); // S3 deletes the parts after a day
  }

  #reachable(url: string): string {
    return this.#origin ? this.#origin + url.slice(new URL(url).origin.length) : url;
  }

  #progress(item: Item, sent: number): void {
    item.sent = sent;
    this.#changed();
  }

  #changed(): void {
    this.#redraw ??= setTimeout(() => {
      this.#redraw = undefined;
      this.#snapshot = [...this.#items];
      for (const listener of this.#listeners) listener();
    }, REDRAWN_EVERY);
  }
}

/** Do something, again after a pause if it failed for a reason that may pass; `onRetry` is called before. */
async function patiently<Value>(
  action: () => Promise<Value>,
  signal: AbortSignal,
  onRetry: () => void = () => {},
): Promise<Value> {
  for (const pause of PAUSES) {
    try {
      return await action();
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error;
      onRetry();
    }
    await new Promise((resolve) => setTimeout(resolve, pause * (0.75 + Math.random() / 2)));
    signal.throwIfAborted();
  }
  return action();
}

function mayPass(error: unknown): boolean {
  if (error instanceof NotTaken) return error.reason === "busy" || error.reason === "expired";
  return error instanceof PageError && !(error instanceof Refused) && !(error instanceof SessionEnded);
}

async function hasArrived({ name, file }: Item, began: number): Promise<boolean> {
  const found = await getFile(name);
  return found?.size === file.size && found.lastModified !== null && Date.parse(found.lastModified) >= began - 2_000;
}

function unlessRefused(grant: Grant | Refused): Grant {
  if (grant instanceof Refused) throw grant;
  return grant;
}

function problemOf(error: unknown): string {
  if (error instanceof NotTaken) return error.message;
  const { message, advice, detail } = asPageError(error);
  if (!(error instanceof Refused)) return `${message} ${advice}`;
  return detail?.replace(/^\w+: /, "") ?? message; // the type of error means nothing to users
}
