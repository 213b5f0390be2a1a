import { PageError, unreachable } from "./page-error.ts";

/** Return when a signed URL expires, in milliseconds since 1970. */
export function expiryOf(url: string): number {
  return Number(new URL(url).searchParams.get("Expires")) * 1000;
}

/** Return whether a signed URL has expired, by this device's clock. */
export function isExpired(url: string): boolean {
  return expiryOf(url) <= Date.now();
}

/**
 * Return the response to a request for the first `bytes` of a file. Throws PageError, naming who refused.
 *
 * A range from the start needs no CORS preflight, which would fail for a signed URL.
 */
export async function open(url: string, bytes: number): Promise<Response> {
  const response = await fetch(url, { headers: { Range: `bytes=0-${bytes - 1}` } }).catch(() => {
    throw unreachable("The file");
  });
  // 416 Range Not Satisfiable: the file is empty.
  if (response.ok || response.status === 416) return response;
  throw refusal(response.status, response.headers.get("X-Refused-By"), await response.text());
}

function refusal(status: number, refusedBy: string | null, body: string): PageError {
  const [code, message] = ["Code", "Message"].map((name) => RegExp(`<${name}>([^<]*)</`).exec(body)?.[1]);
  const detail = [`HTTP ${status}`, refusedBy && `refused by the ${refusedBy}`, code, message]
    .filter(Boolean)
    .join(" · ");
  if (status !== 403) return new PageError("The file could not be read.", "Try again in a moment.", detail);
  if (refusedBy === "origin")
    return new PageError("This file no longer exists.", "It may have been moved or deleted.", detail);
  return new PageError("The link was refused.", "It has expired or is not valid yet. Try again in a moment.", detail);
}
