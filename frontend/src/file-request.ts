import { PageError, TELL_ADMINISTRATOR, unreachable } from "./page-error.ts";
import { Busy, retried, retryAfterOf } from "./retry.ts";

/** The edge refused the URL, so a new one may help. */
export class LinkRefused extends PageError {}

/** This browser cannot decode the file, or its content is not what its type promises. */
export class Undisplayable extends PageError {
  constructor() {
    super(
      "This browser cannot show this file.",
      "It may be damaged, or not be what its name says. Download it and open it in another program.",
    );
  }
}

/**
 * Return the response to a request for the first `bytes` of a file, or all of it; a busy server is tried again. Throws
 * PageError, naming who refused.
 *
 * A range from the start needs no CORS preflight, which would fail for a signed URL. The browser's cache is not used:
 * what an `<img>` left there lacks the CORS headers, and an expired URL must not seem to work.
 */
export function open(url: string, bytes: number | null, signal: AbortSignal | null = null): Promise<Response> {
  return retried(() => request(url, bytes, signal));
}

async function request(url: string, bytes: number | null, signal: AbortSignal | null): Promise<Response> {
  const headers: HeadersInit = bytes === null ? {} : { Range: `bytes=0-${bytes - 1}` };
  const response = await fetch(url, { headers, cache: "no-store", signal }).catch(async () => {
    signal?.throwIfAborted();
    throw await unreadable(url);
  });
  // 416 Range Not Satisfiable: the file is empty.
  if (response.ok || response.status === 416) return response;
  throw refusal(response, await response.text().catch(() => ""));
}

/** Return the error for a request without a readable response: there is none, or it lacks the CORS headers. */
async function unreadable(url: string): Promise<PageError> {
  const anything = await fetch(url, { method: "HEAD", mode: "no-cors", cache: "no-store" }).catch(() => null);
  if (!anything) return unreachable("The file");
  return new LinkRefused(
    "The file was refused.",
    "Its server sent a response that this page may not read. Try again in a moment.",
  );
}

const DELETED = ["This file no longer exists.", "It may have been moved or deleted."] as const;
const UNREADABLE = ["The file server cannot read this file.", "Send this to your administrator:"] as const;
const BUSY = ["The file server is busy or has failed.", "Try again in a moment."] as const;
const ARCHIVED = ["This file is archived.", "Ask your administrator to restore it:"] as const;
const EXPIRED = [
  "The link was refused.",
  "It has expired, is not valid yet, or was changed. Try again in a moment.",
] as const;
const UNTRUSTED = ["The link was refused.", TELL_ADMINISTRATOR] as const;

/**
 * What the error codes of S3 mean, whatever the status is.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const BY_ORIGIN: Record<string, readonly [string, string]> = {
  AccessDenied: [
    "This file no longer exists.",
    "It may have been moved or deleted, or the file server may not read it.",
  ],
  InvalidObjectState: ARCHIVED,
  NoSuchKey: DELETED,
  NoSuchVersion: DELETED,
};

/** What the error codes of CloudFront mean. */
const BY_EDGE: Record<string, readonly [string, string]> = {
  AccessDenied: EXPIRED,
  InvalidKey: UNTRUSTED,
  MalformedPolicy: UNTRUSTED,
  MalformedSignature: UNTRUSTED,
  MissingKey: UNTRUSTED,
};

function refusal({ status, headers }: Response, body: string): PageError {
  const refusedBy = headers.get("X-Refused-By");
  const [code, message] = ["Code", "Message"].map((name) =>
    RegExp(`<${name}>([^<]*)</`).exec(body)?.[1]?.slice(0, 300),
  );
  // Only S3 puts the ids of the request into its errors. The edge of a local stack names who refused.
  const origin = refusedBy === "origin" || (!refusedBy && /<(RequestId|HostId)>/.test(body));
  const refuser = refusedBy ?? (code && (origin ? "origin" : "edge"));
  const detail = [`HTTP ${status}`, refuser && `refused by the ${refuser}`, code, message].filter(Boolean).join(" · ");
  if (status === 404 && !code) return new PageError(...DELETED, detail);
  if (!origin && status === 403) return new LinkRefused(...(BY_EDGE[code ?? ""] ?? UNTRUSTED), detail);
  // For a missing file S3 says no more than this; for a denied key or a policy it adds a reason.
  if (code === "AccessDenied" && !/^(access denied\.?)?$/i.test(message ?? ""))
    return new PageError(...UNREADABLE, detail);
  if (status === 429 || status === 503) return new Busy(...BUSY, detail, retryAfterOf(headers));
  if (status >= 500) return new PageError(...BUSY, detail);
  return new PageError(...(BY_ORIGIN[code ?? ""] ?? UNREADABLE), detail);
}
