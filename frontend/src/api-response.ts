/** A private file. Until it expires, `url` opens it. What the API did not return in its type is null. */
export type FileItem = { name: string; size: number | null; lastModified: string | null; url: string | null };
/** `saved` is a URL that downloads the file under its own name, unless that name was refused. */
export type Link = FileItem & { url: string; saved: string | null };
/** A page of a listing; `unusable` counts the entries that were not what the schema promises. */
export type Page = { items: FileItem[]; folders: string[]; nextToken: string | null; unusable: number };

/** What the access rules allow the caller: prefixes of names, none inside another. */
export type Access = { read: string[]; write: string[]; delete: string[] };

/** Return what the access rules allow the caller; null if the API did not say. */
export function parseAccess(value: unknown): Access | null {
  if (!Array.isArray(value)) return null;
  const prefixesOf = (action: keyof Access) => {
    const allowed = value.filter((entry) => isObject(entry) && entry[action] === true).map(({ prefix }) => prefix);
    const prefixes = [...new Set<string>(allowed.filter((prefix) => prefix === "" || isName(prefix)))];
    return prefixes.filter((prefix) => !prefixes.some((other) => other !== prefix && prefix.startsWith(other)));
  };
  return { read: prefixesOf("read"), write: prefixesOf("write"), delete: prefixesOf("delete") };
}

/** Return a page of a listing. One unusable entry costs only itself. Returns null if it is not a page. */
export function parsePage(value: unknown): Page | null {
  if (!isObject(value)) return null;
  const { nextToken } = value;
  if (!Array.isArray(value["items"]) && !Array.isArray(value["folders"])) return null;
  const entries = [value["items"], value["folders"]].map((list) => (Array.isArray(list) ? list : []));
  const items = (entries[0] ?? []).map(parseFile).filter((item) => item !== null);
  const folders = (entries[1] ?? []).filter(isName);
  const unusable = entries.flat().length - items.length - folders.length;
  return { items, folders, nextToken: typeof nextToken === "string" && nextToken ? nextToken : null, unusable };
}

/** Return a file, or null if it has no usable name. */
export function parseFile(value: unknown): FileItem | null {
  if (!isObject(value) || !isName(value["name"])) return null;
  const { name, size, lastModified, url } = value;
  return {
    name,
    size: typeof size === "number" && size >= 0 ? size : null,
    lastModified: typeof lastModified === "string" && Date.parse(lastModified) ? lastModified : null,
    url: parseUrl(url),
  };
}

/** Return a URL that may be opened, or null. */
export function parseUrl(url: unknown): string | null {
  return typeof url === "string" && /^https?:/.test(url) && URL.canParse(url) ? url : null;
}

/** Return the first of two pages with the second added; a repeated entry is kept once. */
export function joined(first: Page, second: Page): Page {
  const items = new Map([...first.items, ...second.items].map((item) => [item.name, item]));
  return {
    items: [...items.values()],
    folders: [...new Set([...first.folders, ...second.folders])],
    nextToken: second.nextToken,
    unusable: first.unusable + second.unusable,
  };
}

/** Half a surrogate pair cannot be part of an address. */
function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && !/\p{Cs}/u.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
