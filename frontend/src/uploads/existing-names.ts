import { listFiles } from "../files.ts";

const MOST_PAGES = 10; // of 1,000 names; S3 itself refuses to overwrite what is not found here

/** Return the names in the folder into which these go, by how they look: `é` is spelled in two ways. */
export async function existingNames(names: string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const prefix = commonFolder(names);
  let nextToken: string | null = null;
  for (let page = 0; page < MOST_PAGES && (page === 0 || nextToken); page += 1) {
    const next = await listFiles(prefix, nextToken);
    for (const { name } of next.items) found.set(looks(name), name);
    nextToken = next.nextToken;
  }
  return found;
}

/** Return how a name looks, which is the same for both spellings of its accents. */
export function looks(name: string): string {
  return name.normalize("NFC");
}

/** Return a name that is not taken yet: `photo (2).jpg`. */
export function freeName(name: string, taken: (name: string) => boolean): string {
  const end = /\.[^./]{1,12}$/.exec(name)?.index ?? name.length;
  const start = name.lastIndexOf("/") + 1;
  const cut = end > start ? end : name.length; // `.profile` has no extension
  for (let number = 2; ; number += 1) {
    const free = `${name.slice(0, cut)} (${number})${name.slice(cut)}`;
    if (!taken(free)) return free;
  }
}

function commonFolder(names: string[]): string {
  let common = names[0] ?? "";
  for (const name of names) while (!name.startsWith(common)) common = common.slice(0, -1);
  return common.slice(0, common.lastIndexOf("/") + 1);
}
