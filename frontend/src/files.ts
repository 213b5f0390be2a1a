import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";
import { asPageError, isNetworkError, needsSignIn, SessionEnded, PageError } from "./page-error.ts";

/** A private file. Until they expire, `url` opens it and `saved` downloads it under its own name. */
export type FileItem = { name: string; size: number; lastModified: string; url: string | null };
export type Link = { name: string; size: number; lastModified: string; url: string; saved: string };
export type Page = { items: FileItem[]; folders: string[]; nextToken: string | null };

const PAGE_SIZE = 100;
const LIST = `query Folder($prefix: String, $limit: Int, $nextToken: String) {
  listFiles(prefix: $prefix, delimiter: "/", limit: $limit, nextToken: $nextToken) {
    items { name size lastModified url } folders nextToken
  }
}`;
const LINK = `query Link($file: String!, $saveAs: String!) {
  getFile(file: $file) { name size lastModified url saved: url(saveAs: $saveAs) }
}`;

const client = generateClient();

/** Return the next files and folders whose names start with `prefix`: at least `atLeast`, if there are that many. */
export async function listFolder(prefix: string, nextToken: string | null = null, atLeast = 1): Promise<Page> {
  const found: Page = { items: [], folders: [], nextToken };
  do {
    const variables = { prefix, limit: PAGE_SIZE, nextToken: found.nextToken };
    const { listFiles: page } = await request<{ listFiles: Page }>(LIST, variables);
    found.items.push(...page.items);
    found.folders.push(...page.folders);
    found.nextToken = page.nextToken;
    // An empty page is not necessarily the last one.
  } while (found.nextToken && found.items.length + found.folders.length < atLeast);
  return found;
}

/** Return the details and URLs of a file. Throws PageError if there is no such file. */
export async function getLink(name: string): Promise<Link> {
  const { getFile, errors } = await request<{ getFile: Link | null }>(LINK, { file: name, saveAs: lastPart(name) });
  if (!getFile) throw new PageError("This file no longer exists.", "It may have been moved or deleted.");
  if (errors?.[0]) throw refused(errors[0]);
  return getFile;
}

/** Return a name without its folder: `sunset.jpg`, or `2026/` for a folder. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/", name.length - 2) + 1);
}

type PartialData = { errors?: ResponseError[] };
type ResponseError = { message: string; errorType?: string; originalError?: Error };

/** Return the data of a response, with its errors if it is partial: a URL that could not be signed is null. */
async function request<Data extends object>(
  query: string,
  variables: Record<string, unknown>,
): Promise<Data & PartialData> {
  try {
    return ((await client.graphql<unknown>({ query, variables: variables as never })) as { data: Data }).data;
  } catch (thrown) {
    const { data, errors } = thrown as { data?: Data | null; errors?: ResponseError[] };
    if (data && Object.values(data).some(Boolean)) return { ...data, errors: errors ?? [] };
    throw refusal(thrown, errors?.[0]);
  }
}

/** Translate what Amplify threw: an error in the response, or its own error from before there was a response. */
function refusal(thrown: unknown, response?: ResponseError): PageError {
  if (response && !response.originalError) return refused(response);
  const error = (response?.originalError ?? thrown) as Error & { underlyingError?: unknown };
  if (needsSignIn(error.underlyingError)) return new SessionEnded();
  if (error.underlyingError instanceof Error) return asPageError(error.underlyingError);
  if (error.name === "NoValidAuthTokens") return new SessionEnded();
  if (error.name === "UnauthorizedException" && !Amplify.getConfig().API?.GraphQL?.apiKey) return new SessionEnded();
  return isNetworkError(error) ? asPageError(error) : refused({ message: error.message, errorType: error.name });
}

function refused({ errorType = "Error", message }: ResponseError): PageError {
  const advice = "Try again. If the problem persists, send this to your administrator:";
  return new PageError("The API refused the request.", advice, `${errorType}: ${message}`);
}
