import { Trouble, unreachable } from "./trouble.ts";

/** Until when a signed URL opens its file, in milliseconds since 1970. */
export function expiryOf(url: string): number {
  return Number(new URL(url).searchParams.get("Expires")) * 1000;
}

/** Whether it has expired, by this device's clock. */
export function isExpired(url: string): boolean {
  return expiryOf(url) <= Date.now();
}

/**
 * What a signed URL opens, or its first `bytes`; throws Trouble that says who refused.
 *
 * A range from the start needs no CORS preflight, which a signed URL would not answer.
 */
export async function open(url: string, bytes: number): Promise<Response> {
  const response = await fetch(url, { headers: { Range: `bytes=0-${bytes - 1}` } }).catch(() => {
    throw unreachable("The file");
  });
  // 416: there is no first byte, because the file is empty.
  if (response.ok || response.status === 416) return response;
  throw refusal(response.status, response.headers.get("X-Refused-By"), await response.text());
}

function refusal(status: number, refusedBy: string | null, body: string): Trouble {
  const [code, message] = ["Code", "Message"].map((name) => RegExp(`<${name}>([^<]*)</`).exec(body)?.[1]);
  const detail = [`HTTP ${status}`, refusedBy && `refused by the ${refusedBy}`, code, message]
    .filter(Boolean)
    .join(" · ");
  if (status !== 403) return new Trouble("The file could not be read.", "Try again in a moment.", detail);
  if (refusedBy === "origin")
    return new Trouble("This file is not there any more.", "It was moved or deleted.", detail);
  return new Trouble("The link was refused.", "It has expired, or it is too new. Try again in a moment.", detail);
}
