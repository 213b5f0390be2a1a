import type { Access, Page } from "./api-response.ts";

/** The folders that the user may read, none inside another: `[""]` for all files. */
export type Readable = Access["read"];

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
  return rootsBelow(folder, readable).length > 0;
}

/** Return the folders that together contain everything below a folder that the user may read. */
export function rootsBelow(folder: string, readable: Readable): string[] {
  return rootOf(folder, readable) === undefined ? readable.filter((root) => root.startsWith(folder)) : [folder];
}

/** Return whether the user may do this to every name: the names of folders cover everything in them. */
export function mayChange(action: "write" | "delete", names: string[], access: Access): boolean {
  return names.every((name) => access[action].some((prefix) => name.startsWith(prefix)));
}

/** Return the page above several folders that the user may read, or null for any other folder. */
export function pageAbove(folder: string, readable: Readable): Page | null {
  if (folder !== "" || readable.length < 2) return null;
  return { items: [], folders: readable, nextToken: null, unusable: 0 };
}
