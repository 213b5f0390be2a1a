import { Amplify } from "aws-amplify";
import { generateClient } from "aws-amplify/api";
import { asTrouble, isNetworkError, needsSignIn, SessionEnded, Trouble } from "./trouble.ts";

/** A private file; `url` opens it, and `saved` saves it under its own name, until they expire. */
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

/** The next files and folders whose names begin with `prefix`, at least `atLeast` of them where there are so many. */
export async function listFolder(prefix: string, nextToken: string | null = null, atLeast = 1): Promise<Page> {
  const found: Page = { items: [], folders: [], nextToken };
  do {
    const asked = { prefix, limit: PAGE_SIZE, nextToken: found.nextToken };
    const { listFiles: page } = await ask<{ listFiles: Page }>(LIST, asked);
    found.items.push(...page.items);
    found.folders.push(...page.folders);
    found.nextToken = page.nextToken;
    // A page may be empty and still not be the last.
  } while (found.nextToken && found.items.length + found.folders.length < atLeast);
  return found;
}

/** The way to one file; throws Trouble where there is none. */
export async function linkTo(name: string): Promise<Link> {
  const { getFile, faults } = await ask<{ getFile: Link | null }>(LINK, { file: name, saveAs: lastPart(name) });
  if (!getFile)
    throw new Trouble("This file is not there any more.", "It was moved or deleted since the folder was read.");
  if (faults?.[0]) throw refused(faults[0]);
  return getFile;
}

/** A name without its folder: `sunset.jpg`, and `2026/` for a folder. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/", name.length - 2) + 1);
}

type Faults = { faults?: Fault[] };
type Fault = { message: string; errorType?: string; originalError?: Error };

/** What was asked for, as far as there is an answer: a URL that could not be signed is null, and the rest is there. */
async function ask<Data extends object>(query: string, variables: Record<string, unknown>): Promise<Data & Faults> {
  try {
    return ((await client.graphql<unknown>({ query, variables: variables as never })) as { data: Data }).data;
  } catch (thrown) {
    const { data, errors } = thrown as { data?: Data | null; errors?: Fault[] };
    if (data && Object.values(data).some(Boolean)) return { ...data, faults: errors ?? [] };
    throw refusal(thrown, errors?.[0]);
  }
}

/** Why Amplify's client threw: the answer's error, or an error of its own before there was an answer. */
function refusal(thrown: unknown, fault?: Fault): Trouble {
  if (fault && !fault.originalError) return refused(fault);
  const error = (fault?.originalError ?? thrown) as Error & { underlyingError?: unknown };
  if (needsSignIn(error.underlyingError)) return new SessionEnded();
  if (error.underlyingError instanceof Error) return asTrouble(error.underlyingError);
  if (error.name === "NoValidAuthTokens") return new SessionEnded();
  if (error.name === "UnauthorizedException" && !Amplify.getConfig().API?.GraphQL?.apiKey) return new SessionEnded();
  return isNetworkError(error) ? asTrouble(error) : refused({ message: error.message, errorType: error.name });
}

function refused({ errorType = "Error", message }: Fault): Trouble {
  const advice = "Try again; if it stays so, tell whoever runs this page:";
  return new Trouble("The files' service refused.", advice, `${errorType}: ${message}`);
}
