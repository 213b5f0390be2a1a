import { PageError } from "./page-error.ts";
import { expiryOf } from "./signed-url.ts";

const KEPT_UNTIL = 30_000; // milliseconds before a URL expires
const AT_A_TIME = 200; // names: 20 minutes in segments of 6 seconds

/** Returns a signed URL of each name, or why there is none. */
type RequestUrls = (names: string[]) => Promise<(string | PageError)[]>;

/**
 * Return the name of the file at an address that a playlist contains; a query is not part of it. Throws PageError if it
 * is on another server.
 */
export function nameAt(address: string, origin: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url || `${url.protocol}//${url.host}` !== origin) throw notHere(url); // the origin of a blob: URL is another thing
  try {
    return decodeURIComponent(url.pathname.slice(1));
  } catch {
    throw new PageError(
      "The playlist of this film contains an address that is not valid.",
      "A percent sign in a name must be written as %25 there:",
      url.pathname.slice(1),
    );
  }
}

function notHere(url: URL | null): PageError {
  const place = !url
    ? "an address that is not valid"
    : url.host
      ? `another server, ${url.protocol}//${url.host}`
      : `an address of the type ${url.protocol}`;
  return new PageError(
    `The playlist of this film names ${place}, so the film is not played.`,
    "All parts of a film must be among these files, and named by relative addresses.",
  );
}

/** The signed URLs of a film: its player requests addresses without a signature, and its playlists name the next ones. */
export class FilmUrls {
  /** For each name, the playlist that contains it, and where. */
  readonly #places = new Map<string, { names: string[]; index: number }>();
  readonly #kept = new Map<string, string>();
  readonly #pending = new Map<string, Promise<Map<string, string | PageError>>>();
  /** The names whose last URL was one of those kept. */
  readonly #reused = new Set<string>();
  readonly #origin: string;
  readonly #requestUrls: RequestUrls;

  /** `first` is a signed URL of the film's playlist. */
  constructor(first: string, requestUrls: RequestUrls) {
    this.#origin = new URL(first).origin;
    this.#requestUrls = requestUrls;
    this.#kept.set(nameAt(first, this.#origin), first);
  }

  /** Add a playlist, as the addresses in it in their order. Throws PageError if one is on another server. */
  add(addresses: string[]): void {
    const names = [...new Set(addresses.map((address) => nameAt(address, this.#origin)))];
    names.forEach((name, index) => this.#places.set(name, { names, index }));
  }

  /** Return a signed URL for an address; if it is a new one, the next names get theirs, too. Throws PageError. */
  async signed(address: string): Promise<string> {
    const name = nameAt(address, this.#origin);
    const kept = this.#kept.get(name);
    if (kept && isFresh(kept)) {
      this.#reused.add(name);
      return kept;
    }
    this.#reused.delete(name);
    const url = (await (this.#pending.get(name) ?? this.#request(name))).get(name);
    if (typeof url === "string") return url;
    throw url;
  }

  /** Return whether a new URL may help after one was refused: whether it was one of those kept. */
  renew(address: string): boolean {
    const mayHelp = this.#reused.delete(nameAt(address, this.#origin));
    if (mayHelp) this.#kept.clear(); // the key was removed, or this device's clock is slow: the others are no better
    return mayHelp;
  }

  async #request(name: string): Promise<Map<string, string | PageError>> {
    const { names, index } = this.#places.get(name) ?? { names: [], index: 0 };
    const isKnown = (other: string) => this.#pending.has(other) || isFresh(this.#kept.get(other));
    const next = names.slice(index + 1).filter((other) => !isKnown(other));
    const batch = [name, ...next.slice(0, AT_A_TIME - 1)];
    const response = this.#requestUrls(batch).then((urls) => {
      const found = new Map(batch.map((each, position) => [each, urls[position] as string | PageError]));
      for (const [each, url] of found) if (typeof url === "string") this.#kept.set(each, url);
      return found;
    });
    for (const each of batch) this.#pending.set(each, response);
    try {
      return await response;
    } finally {
      for (const each of batch) this.#pending.delete(each);
    }
  }
}

function isFresh(url: string | undefined): boolean {
  return url !== undefined && expiryOf(url) - Date.now() > KEPT_UNTIL;
}
