import type { Page } from "./api-response.ts";

/** The folders that the user may read, none inside another: `[""]` for all files. */
export type Readable = string[];

/** Return the folder in which the user starts: the only one that they may read, or the one above all of them. */
export function startOf(readable: Readable): string {
  return readable.length === 1 ? (readable[0] ?? "") : "";
}

/** Return the folder that the user may read in which another folder is; undefined if there is none. */
export function rootOf(folder: string, readable: Readable): string | undefined {
  return readable.find((root) => folder.startsWith(root));
}

/** Return whether a folder has something that the user may read, in it or in folders below. */
export function isReachable(folder: string, readable: Readable): boolean {
  return rootOf(folder, readable) !== undefined || readable.some((root) => root.startsWith(folder));
}

/** Return the page above several folders that the user may read, or null for any other folder. */
export function pageAbove(folder: string, search: string, readable: Readable): Page | null {
  if (folder !== "" || readable.length < 2) return null;
  return { items: [], folders: readable.filter((root) => root.startsWith(search)), nextToken: null, unusable: 0 };
}
