import { downloadZip } from "client-zip";
import { type FileItem, getUrls } from "./files.ts";
import { open } from "./file-request.ts";
import { LinkRefused } from "./file-request.ts";
import { PageError } from "./page-error.ts";

const URLS_AT_A_TIME = 50; // signed shortly before they are used, because they expire
const UNFINISHED = "unfinished.zip";

type Options = { folder: string; signal: AbortSignal; onProgress: (bytes: number) => void };

/**
 * Download files as one zip, with names relative to `folder`. Throws PageError, and the signal's reason if aborted.
 *
 * The archive is written to the browser's private disk space while the files arrive, so memory does not limit its size;
 * a browser without it keeps the archive in memory.
 */
export async function downloadAsZip(files: FileItem[], { folder, signal, onProgress }: Options): Promise<void> {
  const name = `${folder.split("/").at(-2) ?? "files"}.zip`;
  let read = 0;
  async function* entries() {
    for (let start = 0; start < files.length; start += URLS_AT_A_TIME) {
      const batch = files.slice(start, start + URLS_AT_A_TIME);
      const urls = await getUrls(batch.map((file) => file.name));
      for (const file of batch) {
        signal.throwIfAborted();
        const response = await opened(file.name, urls.get(file.name) as string, signal);
        const counted = new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            read += chunk.length;
            onProgress(read);
            controller.enqueue(chunk);
          },
        });
        yield {
          name: safePath(file.name.slice(folder.length)),
          lastModified: new Date(file.lastModified ?? Date.now()),
          input: response.body?.pipeThrough(counted) ?? "",
        };
      }
    }
  }
  const archive = downloadZip(entries()).body as ReadableStream<Uint8Array>;
  const directory = await navigator.storage?.getDirectory?.().catch(() => null);
  const file = await directory?.getFileHandle(UNFINISHED, { create: true }).catch(() => null);
  if (directory && file && "createWritable" in file) {
    await archive.pipeTo(await file.createWritable(), { signal });
    save(await file.getFile(), name);
  } else {
    const chunks: BlobPart[] = [];
    await archive.pipeTo(new WritableStream({ write: (chunk) => void chunks.push(chunk as BlobPart) }), { signal });
    save(new Blob(chunks, { type: "application/zip" }), name);
  }
}

async function opened(name: string, url: string, signal: AbortSignal): Promise<Response> {
  try {
    return await open(url, null, signal);
  } catch (error) {
    if (!(error instanceof LinkRefused)) throw named(name, error);
  }
  const fresh = (await getUrls([name])).get(name) as string; // it has expired meanwhile
  return open(fresh, null, signal).catch((error: unknown) => {
    throw named(name, error);
  });
}

function named(name: string, error: unknown): unknown {
  return error instanceof PageError ? new PageError(`${name}: ${error.message}`, error.advice, error.detail) : error;
}

/** Return a path that stays inside the folder into which the archive is unpacked. */
function safePath(path: string): string {
  const parts = path.split("/").map((part) => (/^\.{0,2}$/.test(part) ? `_${part}` : part.replaceAll("\\", "_")));
  return parts.join("/");
}

function save(content: Blob, name: string): void {
  const href = URL.createObjectURL(content);
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000); // the browser reads it after this event
}
