/** Why content did not arrive: `busy` may pass by itself, `expired` needs a new URL. */
export type Reason = "exists" | "expired" | "busy" | "refused";

/** S3 did not take the content. */
export class NotTaken extends Error {
  constructor(
    readonly reason: Reason,
    message: string,
  ) {
    super(message);
  }
}

const LONGEST_SILENCE = 60_000; // milliseconds without progress before the connection is given up

type Options = { headers: [string, string][]; signal: AbortSignal; onProgress: (bytes: number) => void };

/**
 * Send content to a presigned URL and return its ETag. Throws NotTaken, and the signal's reason if it was aborted.
 *
 * XMLHttpRequest, because `fetch` does not report the progress of what it sends.
 */
export function put(url: string, content: Blob, { headers, signal, onProgress }: Options): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const sending = new XMLHttpRequest();
    let watch = setTimeout(() => sending.abort(), LONGEST_SILENCE);
    const abort = () => sending.abort();
    const alive = () => {
      clearTimeout(watch);
      watch = setTimeout(abort, LONGEST_SILENCE);
    };
    signal.addEventListener("abort", abort);
    sending.upload.onprogress = ({ loaded }) => {
      alive();
      onProgress(loaded);
    };
    sending.onloadend = () => {
      clearTimeout(watch);
      signal.removeEventListener("abort", abort);
      if (signal.aborted) reject(signal.reason);
      else if (sending.status === 200) resolve(sending.getResponseHeader("ETag") ?? "");
      else reject(notTaken(sending.status, sending.responseText));
    };
    sending.open("PUT", url);
    for (const [name, value] of headers) sending.setRequestHeader(name, value);
    sending.send(content);
  });
}

function notTaken(status: number, body: string): NotTaken {
  const code = /<Code>([^<]{1,40})</.exec(body)?.[1] ?? "";
  if (status === 0) return new NotTaken("busy", "The connection broke off.");
  if (status === 412) return new NotTaken("exists", "There is a file with this name.");
  if (status === 403) return new NotTaken("expired", `The storage refused the link (${code || status}).`);
  if (status === 429 || status >= 500 || code === "RequestTimeout" || code === "SlowDown") {
    return new NotTaken("busy", `The storage is busy or has failed (${code || status}).`);
  }
  return new NotTaken("refused", `The storage refused the content (${code || status}).`);
}
