export type Kind = "image" | "video" | "audio" | "pdf" | "text" | "table" | "markdown" | "other";

const EXTENSIONS: Record<Exclude<Kind, "other">, string> = {
  image: "apng avif bmp gif ico jfif jpeg jpg png svg webp",
  video: "m3u8 m4v mkv mov mp4 ogv webm",
  audio: "aac flac m4a mp3 oga ogg opus wav",
  pdf: "pdf",
  text:
    "bash c cfg conf cpp cs css diff env go graphql h hpp htm html ini java js json jsonl jsx log lua mjs patch php pl " +
    "properties py rb rs rst sh sql srt svelte tex toml ts tsx txt vtt vue xml yaml yml",
  table: "csv tsv",
  markdown: "markdown md",
};
const KINDS = new Map(
  Object.entries(EXTENSIONS).flatMap(([kind, extensions]) =>
    extensions.split(" ").map((extension) => [extension, kind as Kind]),
  ),
);

/** Return the extension of a name in lower case, `jpg`, or an empty string. */
export function extensionOf(name: string): string {
  return /[^/]\.([^./]{1,12})$/.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** How much of a text is shown, in bytes. */
export const TEXT_LIMIT = 200_000;

/** Return what the name of a file promises: a listing does not contain content types. */
export function kindOf(name: string): Kind {
  return KINDS.get(extensionOf(name)) ?? "other";
}

/** Return whether files of this kind are text. */
export function isText(kind: Kind): boolean {
  return kind === "text" || kind === "table" || kind === "markdown";
}

/** Return the content type of a response, `text/csv`, without parameters. */
export function typeOf(response: Response): string {
  return (response.headers.get("Content-Type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

const TEXTS =
  /^text\/|[/+](json|xml|yaml|x-ndjson|javascript|ecmascript|x-javascript|x-sh|x-yaml|toml|sql|graphql|rtf|x-subrip)$/;
const PLAYLIST = /^(application|audio)\/(x-|vnd\.apple\.)?mpegurl$/;
const BY_TYPE: [RegExp, Kind][] = [
  [/^image\//, "image"], // before the texts: SVG is shown as an image, in which no script runs
  [/^video\/(mp2t|iso\.segment)$/, "other"], // parts of films; many tables of types call TypeScript, `.ts`, the former
  [PLAYLIST, "video"],
  [/^video\//, "video"],
  [/^audio\//, "audio"],
  [/^application\/pdf$/, "pdf"],
  [/^text\/(csv|tab-separated-values)$/, "table"],
  [/^text\/(x-)?markdown$/, "markdown"],
  [TEXTS, "text"],
];

/** Return what the content type of a file says; "other" if it says nothing that helps. */
export function kindOfType(type: string): Kind {
  return BY_TYPE.find(([pattern]) => pattern.test(type))?.[1] ?? "other";
}

/**
 * Return how to show a file with this name that is served as this content type; null if they contradict each other.
 *
 * The type decides. The name decides what a general type such as `application/octet-stream` does not say, and how to
 * show a text. A PDF must be served as one.
 */
export function shownAs(name: string, type: string): Kind | null {
  const promised = kindOf(name);
  const served = kindOfType(type);
  if (promised === "other" || promised === served) return served;
  if (served === "other") return promised === "pdf" ? null : promised;
  if (isText(promised) && isText(served)) return served === "text" ? promised : served;
  const isMedia = (kind: Kind) => kind === "video" || kind === "audio";
  return isMedia(promised) && isMedia(served) ? promised : null;
}

/** Return whether a file of this name and content type, if it is shown as a video, is the playlist of a film (HLS). */
export function isFilm(name: string, type: string): boolean {
  return PLAYLIST.test(type) || (kindOfType(type) === "other" && extensionOf(name) === "m3u8");
}
