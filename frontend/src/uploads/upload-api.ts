import { notUnderstood, Refused, refused, request } from "../graphql.ts";

/** A part that has arrived: its number, size in bytes, and ETag. */
export type DonePart = { part: number; size: number; etag: string };
/** How to send a file: in one request to `url` with `headers`, or in parts of `partSize` bytes. */
export type Grant = { url: string; headers: [string, string][] } | { uploadId: string; partSize: number };

/** The most files of one `startUploads`, and the most parts of one `signParts` (`uploads.graphql`). */
export const FILES_AT_A_TIME = 100;
export const PARTS_AT_A_TIME = 20;
const DELETIONS_AT_A_TIME = 1_000;

const START = `mutation StartUploads($files: [NewFile!]!, $overwrite: Boolean) {
  startUploads(files: $files, overwrite: $overwrite) {
    file url headers { name value } uploadId partSize errorType errorMessage
  }
}`;
const SIGN = `mutation SignParts($file: String!, $uploadId: String!, $size: Float!, $parts: [Int!]!) {
  signParts(file: $file, uploadId: $uploadId, size: $size, parts: $parts) { part url }
}`;
const RESUME = `mutation ResumeUpload($file: String!, $uploadId: String!) {
  resumeUpload(file: $file, uploadId: $uploadId) { part size etag }
}`;
const FINISH = `mutation FinishUpload(
  $file: String!, $uploadId: String!, $size: Float!, $parts: [DonePartInput!]!, $overwrite: Boolean
) {
  finishUpload(file: $file, uploadId: $uploadId, size: $size, parts: $parts, overwrite: $overwrite)
}`;
const CANCEL = `mutation CancelUpload($file: String!, $uploadId: String!) {
  cancelUpload(file: $file, uploadId: $uploadId)
}`;
const DELETE = `mutation DeleteFiles($files: [String!]!) {
  deleteFiles(files: $files) { file deleted errorType errorMessage }
}`;

type Entry = Record<string, unknown>;

/** Start uploads, and return for each file how to send it, or why it was refused. */
export async function startUploads(
  files: { name: string; size: number }[],
  overwrite: boolean,
): Promise<(Grant | Refused)[]> {
  const entries = await entriesOf(START, "startUploads", { files, overwrite });
  if (entries.length !== files.length) throw notUnderstood("startUploads");
  return entries.map(({ url, headers, uploadId, partSize, errorType, errorMessage }) => {
    if (typeof uploadId === "string" && typeof partSize === "number" && partSize > 0) return { uploadId, partSize };
    if (typeof url === "string" && Array.isArray(headers)) {
      return { url, headers: headers.map(({ name, value }): [string, string] => [String(name), String(value)]) };
    }
    return refused({ errorType, message: errorMessage });
  });
}

/** Return the URL of each of these parts. */
export async function signParts(
  file: string,
  uploadId: string,
  size: number,
  parts: number[],
): Promise<Map<number, string>> {
  const entries = await entriesOf(SIGN, "signParts", { file, uploadId, size, parts });
  return new Map(entries.map(({ part, url }) => [Number(part), String(url)]));
}

/** Return the parts that have arrived, or null if the upload was finished, cancelled or removed. */
export async function arrivedParts(file: string, uploadId: string): Promise<DonePart[] | null> {
  try {
    const entries = await entriesOf(RESUME, "resumeUpload", { file, uploadId });
    return entries.map(({ part, size, etag }) => ({ part: Number(part), size: Number(size), etag: String(etag) }));
  } catch (error) {
    if (error instanceof Refused && error.type === "UploadNotFound") return null;
    throw error;
  }
}

/** Make a file of the parts. Throws Refused, of type FileExists if there is a file with this name. */
export async function finishUpload(
  file: string,
  uploadId: string,
  size: number,
  done: DonePart[],
  overwrite: boolean,
): Promise<void> {
  const parts = done.map(({ part, etag }) => ({ part, etag }));
  await valueOf(FINISH, "finishUpload", { file, uploadId, size, parts, overwrite });
}

/** Delete the parts of an upload. */
export async function cancelUpload(file: string, uploadId: string): Promise<void> {
  await valueOf(CANCEL, "cancelUpload", { file, uploadId });
}

/** Delete files, and return those that were refused. `done` is called with the number of files so far. */
export async function deleteFiles(
  names: string[],
  done: (count: number) => void,
): Promise<{ name: string; error: Refused }[]> {
  const failed: { name: string; error: Refused }[] = [];
  for (let start = 0; start < names.length; start += DELETIONS_AT_A_TIME) {
    const files = names.slice(start, start + DELETIONS_AT_A_TIME);
    const entries = await entriesOf(DELETE, "deleteFiles", { files });
    for (const { file, deleted, errorType, errorMessage } of entries) {
      if (deleted !== true) failed.push({ name: String(file), error: refused({ errorType, message: errorMessage }) });
    }
    done(Math.min(start + files.length, names.length));
  }
  return failed;
}

async function entriesOf(query: string, field: string, variables: Entry): Promise<Entry[]> {
  const value = await valueOf(query, field, variables);
  if (!Array.isArray(value) || value.some((entry) => typeof entry !== "object" || !entry)) throw notUnderstood(field);
  return value;
}

async function valueOf(query: string, field: string, variables: Entry): Promise<unknown> {
  const { data, errors } = await request(query, variables);
  if (errors[0]) throw refused(errors[0]);
  return data[field];
}
