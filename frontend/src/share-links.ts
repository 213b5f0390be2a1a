import { parseUrl } from "./api-response.ts";
import { requestUrls, type UrlEntry } from "./files.ts";
import { notUnderstood, Refused, refused, request } from "./graphql.ts";
import { PageError } from "./page-error.ts";

const FILES_AT_A_TIME = 1_000;
const MINUTE = 60;
const STEPS = [15 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE, 7 * 24 * 60 * MINUTE];

const ONE = `query Share($file: String!, $expiresIn: Int, $saveAs: String) {
  getUrl(file: $file, expiresIn: $expiresIn, saveAs: $saveAs)
}`;
/** A link to share, or why there is none. */
export type SharedLink = { file: string; url: string } | { file: string; refusal: string };

let bounds: Promise<[least: number, most: number] | null> | undefined;

/**
 * Return the lifetimes to choose from, in seconds: common ones within the deployment's bounds, and the longest. Empty if
 * the bounds are unknown; the deployment's default is used then. Throws PageError.
 */
export async function lifetimes(): Promise<number[]> {
  bounds ??= readBounds();
  bounds.catch(() => (bounds = undefined));
  const found = await bounds;
  if (!found) return [];
  const [least, most] = found;
  return [...STEPS.filter((step) => least <= step && step < most), most];
}

/** Return the bounds of the lifetime. The API states them when it refuses a lifetime, and 0 is never allowed. */
async function readBounds(): Promise<[number, number] | null> {
  const refusal = await requestUrls([], 0).then(
    () => null,
    (thrown: unknown) => {
      if (thrown instanceof Refused) return thrown;
      throw thrown;
    },
  );
  const [, least, most] = /between (\d+) and (\d+) seconds/.exec(refusal?.detail ?? "") ?? [];
  return least && most ? [Number(least), Number(most)] : null;
}

/** Return a link that opens a file, or that saves it under the name `saveAs`. Throws PageError. */
export async function shareFile(file: string, expiresIn: number | null, saveAs: string | null): Promise<SharedLink> {
  const { data, errors } = await request(ONE, { file, expiresIn, saveAs }).catch((thrown) => {
    throw thrown instanceof Refused && thrown.type === "InvalidDownloadName" ? badName() : thrown;
  });
  const url = parseUrl(data["getUrl"]);
  if (url) return { file, url };
  throw errors[0] ? refused(errors[0]) : notUnderstood("getUrl");
}

function badName(): PageError {
  return new PageError(
    "The file cannot be saved under this name.",
    "Choose a shorter name, without slashes and backslashes.",
  );
}

/** Return a link for each file, in the same order. Throws PageError if there is none at all. */
export async function shareFiles(files: string[], expiresIn: number | null): Promise<SharedLink[]> {
  const links: SharedLink[] = [];
  for (let start = 0; start < files.length; start += FILES_AT_A_TIME) {
    const batch = files.slice(start, start + FILES_AT_A_TIME);
    const entries = await requestUrls(batch, expiresIn);
    links.push(...batch.map((file, index) => sharedLink(file, entries[index])));
  }
  return links;
}

function sharedLink(file: string, entry: UrlEntry | undefined) {
  const url = parseUrl(entry?.url);
  if (url) return { file, url };
  const { message, detail } = refused({ errorType: entry?.errorType, message: entry?.errorMessage });
  return { file, refusal: detail ?? message };
}
