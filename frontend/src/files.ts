import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";
import {
  type FileItem,
  joined,
  type Link,
  type Page,
  parseAccess,
  parseFile,
  parsePage,
  parseUrl,
} from "./api-response.ts";
import { asPageError, isNetworkError, needsSignIn, PageError, SessionEnded, TELL_ADMINISTRATOR } from "./page-error.ts";
import { signInError } from "./sign-in-errors.ts";
import { containsSignature } from "./signed-url.ts";

export type { FileItem, Link, Page };

const PAGE_SIZE = 100;
const LONGEST_WAIT = 40_000; // AppSync ends a request after 30 seconds
/** The first request of a session also reads what the user may read, so that it costs no time of its own. */
const listQuery = (first: boolean) => `query Folder($prefix: String, $limit: Int, $nextToken: String) {
  ${first ? "getAccess { prefix read }" : ""}
  listFiles(prefix: $prefix, delimiter: "/", limit: $limit, nextToken: $nextToken) {
    items { name size lastModified url } folders nextToken
  }
}`;
const LINK = `query Link($file: String!, $saveAs: String!) {
  getFile(file: $file) { name size lastModified url saved: url(saveAs: $saveAs) }
}`;
const LINK_ONLY = `query LinkOnly($file: String!) {
  getFile(file: $file) { name size lastModified url }
}`;

const client = generateClient();

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

/** The API returned an error. */
class Refused extends PageError {}

/** How to read a folder: after `nextToken`; at least `atLeast` entries, if there are that many; `first` of a session. */
type Options = { nextToken?: string | null; atLeast?: number; first?: boolean };

/**
 * Return the next files and folders whose names start with `prefix`. `readable` are the folders that the caller may
 * read, if this is the first request.
 */
export async function listFolder(
  prefix: string,
  { nextToken = null, atLeast = 1, first = false }: Options = {},
): Promise<{ page: Page; readable: string[] | null }> {
  refuseSignature(prefix);
  let page: Page = { items: [], folders: [], nextToken, unusable: 0 };
  let readable: string[] | null = null;
  do {
    const before = page.nextToken;
    const wanted = first && !readable;
    const { data } = await request(listQuery(wanted), { prefix, limit: PAGE_SIZE, nextToken: before });
    const next = parsePage(data["listFiles"]);
    if (!next || (next.nextToken && next.nextToken === before)) throw notUnderstood("listFiles");
    if (wanted) readable = parseAccess(data["getAccess"]) ?? [""];
    page = joined(page, next);
    // An empty page is not necessarily the last one.
  } while (page.nextToken && page.items.length + page.folders.length < atLeast);
  return { page, readable };
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

type ResponseError = { message?: unknown; errorType?: unknown; originalError?: Error };
type Response = { data: Record<string, unknown>; errors: ResponseError[] };

/** Return the data of a response, with its errors if it is partial: a URL that could not be signed is null. */
async function request(query: string, variables: Record<string, unknown>): Promise<Response> {
  const sent = client.graphql<unknown>({ query, variables: variables as never }) as Promise<unknown>;
  const [response, thrown] = await inTime(sent).then(
    (received) => [received, null] as const,
    (error: unknown) => [error, error] as const,
  );
  const { data, errors } = (response ?? {}) as { data?: unknown; errors?: unknown };
  const found = Array.isArray(errors) ? errors.map((error): ResponseError => error ?? {}) : [];
  const isUsable = typeof data === "object" && data !== null && !Array.isArray(data);
  if (isUsable && (!thrown || Object.values(data).some(Boolean))) {
    return { data: data as Record<string, unknown>, errors: found };
  }
  if (!thrown || found[0] === undefined) throw thrown instanceof Error ? refusal(thrown) : notUnderstood("no data");
  throw found[0].originalError ? refusal(found[0].originalError) : refused(found[0]);
}

function inTime<Value>(promise: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout>;
  const late = new Promise<never>((_, reject) => {
    const error = new PageError("The API did not respond in time.", "Check your connection, then try again.");
    timer = setTimeout(() => reject(error), LONGEST_WAIT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

type AmplifyError = Error & { underlyingError?: unknown; response?: { statusCode?: number } };

/** Translate Amplify's own error: there was no GraphQL response. */
function refusal(error: AmplifyError): PageError {
  if (needsSignIn(error.underlyingError)) return new SessionEnded();
  if (error.underlyingError instanceof PageError || error instanceof PageError) return asPageError(error);
  if (isNetworkError(error)) return asPageError(error);
  if (error.name === "NoValidAuthTokens") return new SessionEnded();
  const status = error.response?.statusCode;
  if (status === 401 || error.name === "UnauthorizedException")
    return usesApiKey() ? keyRefused(error) : new SessionEnded();
  if (status === 429 || /Throttl|TooManyRequests|LimitExceeded/.test(error.name)) {
    return new PageError("The API received too many requests.", "Wait a minute, then try again.", error.name);
  }
  if (status && status >= 500) {
    return new PageError("The API is not available.", "Try again in a few minutes.", `HTTP ${status}`);
  }
  // The name is UnknownError if the response was not one of AWS.
  if (error instanceof SyntaxError || error instanceof TypeError || error.name === "UnknownError")
    return notUnderstood(status && `HTTP ${status}`);
  if (!status && error.underlyingError instanceof Error) return signInError(error.underlyingError);
  return refused({ message: error.message, errorType: error.name });
}

function usesApiKey(): boolean {
  return Boolean(Amplify.getConfig().API?.GraphQL?.apiKey);
}

function keyRefused({ name, message }: Error): PageError {
  return new PageError(
    "The API does not accept this page's API key.",
    "The key may have expired. Send this to your administrator:",
    `${name}: ${message}`,
  );
}

function refused({ errorType, message }: ResponseError): PageError {
  if (errorType === "NotAllowed") {
    return new Refused("You have no access to this file.", "Ask your administrator if you need it.");
  }
  const detail = `${typeof errorType === "string" ? errorType : "Error"}: ${String(message ?? "no message").slice(0, 500)}`;
  return new Refused("The API refused the request.", TELL_ADMINISTRATOR, detail);
}

/** Return the error for a response that is not GraphQL, such as the page of a proxy or of a network's sign-in. */
function notUnderstood(detail?: string | number): PageError {
  return new PageError(
    "The API sent a response that this page does not understand.",
    "A proxy or the sign-in page of a network may have sent it instead. Check your connection, then try again.",
    detail ? String(detail) : undefined,
  );
}

function refuseSignature(name: string): void {
  if (containsSignature(name)) throw new PageError("This is a signed link, not a name.", "Open it in a new tab.");
}
