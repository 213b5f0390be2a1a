import {
  type Access,
  type FileItem,
  joined,
  type Link,
  type Page,
  parseAccess,
  parseFile,
  parsePage,
  parseUrl,
} from "./api-response.ts";
import { notUnderstood, Refused, refused, request } from "./graphql.ts";
import { PageError } from "./page-error.ts";
import { containsSignature } from "./signed-url.ts";

export type { Access, FileItem, Link, Page };

const PAGE_SIZE = 100;
const LARGEST_PAGE = 1_000;
/** The first request of a session also reads what the user may read, so that it costs no time of its own. */
const listQuery = (first: boolean) => `query Folder($prefix: String, $limit: Int, $nextToken: String) {
  ${first ? "getAccess { prefix read write delete }" : ""}
  listFiles(prefix: $prefix, delimiter: "/", limit: $limit, nextToken: $nextToken) {
    items { name size lastModified url } folders nextToken
  }
}`;
const FLAT_QUERY = `query Files($prefix: String, $limit: Int, $nextToken: String) {
  listFiles(prefix: $prefix, limit: $limit, nextToken: $nextToken) { items { name size lastModified } nextToken }
}`;
const FILE = `query File($file: String!) {
  getFile(file: $file) { name size lastModified }
}`;
const URLS = `query Urls($files: [String!]!, $expiresIn: Int) {
  getUrls(files: $files, expiresIn: $expiresIn) { file url errorType errorMessage }
}`;
const LINK = `query Link($file: String!, $saveAs: String!) {
  getFile(file: $file) { name size lastModified url saved: url(saveAs: $saveAs) }
}`;
const LINK_ONLY = `query LinkOnly($file: String!) {
  getFile(file: $file) { name size lastModified url }
}`;

/** There is no file of this name. */
export class NoSuchFile extends PageError {
  constructor(name: string) {
    const forms = new Set([name, name.normalize("NFC"), name.normalize("NFD")]).size;
    const advice = "It may have been moved or deleted";
    super(
      "This file no longer exists.",
      forms === 1 ? `${advice}.` : `${advice}, or its name only looks the same: an accent can be spelled in two ways.`,
    );
  }
}

/** How to read a folder: after `nextToken`; at least `atLeast` entries, if there are that many; `first` of a session. */
type Options = { nextToken?: string | null; atLeast?: number; first?: boolean };

/** Return the next files and folders whose names start with `prefix`, and the caller's access if this is the first. */
export async function listFolder(
  prefix: string,
  { nextToken = null, atLeast = 1, first = false }: Options = {},
): Promise<{ page: Page; access: Access | null }> {
  refuseSignature(prefix);
  let page: Page = { items: [], folders: [], nextToken, unusable: 0 };
  let access: Access | null = null;
  do {
    const wanted = first && !access;
    const limit = Math.min(Math.max(PAGE_SIZE, atLeast - page.items.length - page.folders.length), LARGEST_PAGE);
    const { next, data } = await requestPage(listQuery(wanted), { prefix, limit, nextToken: page.nextToken });
    if (wanted) access = parseAccess(data["getAccess"]) ?? { read: [""], write: [], delete: [] };
    page = joined(page, next);
    // An empty page is not necessarily the last one.
  } while (page.nextToken && page.items.length + page.folders.length < atLeast);
  return { page, access };
}

/** Return up to 1,000 files at any depth whose names start with `prefix`, without URLs. */
export async function listFiles(prefix: string, nextToken: string | null): Promise<Page> {
  refuseSignature(prefix);
  return (await requestPage(FLAT_QUERY, { prefix, limit: LARGEST_PAGE, nextToken })).next;
}

/** Return the details of a file, or null if there is none. */
export async function getFile(name: string): Promise<FileItem | null> {
  const { data, errors } = await request(FILE, { file: name });
  if (errors[0]) throw refused(errors[0]);
  return parseFile(data["getFile"]);
}

/** The response for one file of `getUrls`. */
export type UrlEntry = { url?: unknown; errorType?: unknown; errorMessage?: unknown } | null;

/** Return the responses for up to 1,000 files, in the same order; `expiresIn` is in seconds, null for the default. */
export async function requestUrls(files: string[], expiresIn: number | null): Promise<UrlEntry[]> {
  const { data, errors } = await request(URLS, { files, expiresIn });
  const entries = data["getUrls"];
  if (errors[0]) throw refused(errors[0]);
  if (!Array.isArray(entries) || entries.length !== files.length) throw notUnderstood("getUrls");
  return entries;
}

/** Return a URL of each of up to 1,000 files. Throws the first refusal. */
export async function getUrls(names: string[]): Promise<Map<string, string>> {
  const entries = await requestUrls(names, null);
  return new Map(
    names.map((name, index) => {
      const url = parseUrl(entries[index]?.url);
      if (url) return [name, url];
      const { errorType, errorMessage } = entries[index] ?? {};
      throw refused({ errorType, message: `${errorMessage} (${name})` });
    }),
  );
}

async function requestPage(
  query: string,
  variables: { prefix: string; limit: number; nextToken: string | null },
): Promise<{ next: Page; data: Record<string, unknown> }> {
  const { data } = await request(query, variables);
  const next = parsePage(data["listFiles"]);
  if (!next || (next.nextToken && next.nextToken === variables.nextToken)) throw notUnderstood("listFiles");
  return { next, data };
}

/** Return the details and URLs of a file. Throws NoSuchFile or another PageError. */
export async function getLink(name: string): Promise<Link> {
  refuseSignature(name);
  const { data, errors } = await request(LINK, { file: name, saveAs: lastPart(name) }).catch((thrown) => {
    // The name to save it under may be what was refused.
    if (thrown instanceof Refused) return request(LINK_ONLY, { file: name });
    throw thrown;
  });
  if (data["getFile"] === null && !errors[0]) throw new NoSuchFile(name);
  const file = parseFile(data["getFile"]);
  if (file?.name === name && file.url)
    return { ...file, url: file.url, saved: parseUrl((data["getFile"] as { saved?: unknown }).saved) };
  throw errors[0] ? refused(errors[0]) : notUnderstood("getFile");
}

/** Return a name without its folder: `sunset.jpg`, or `2026/` for a folder. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/", name.length - 2) + 1);
}

function refuseSignature(name: string): void {
  if (containsSignature(name)) throw new PageError("This is a signed link, not a name.", "Open it in a new tab.");
}
