export type Kind = "image" | "video" | "audio" | "pdf" | "text" | "other";

const EXTENSIONS: Record<Exclude<Kind, "other">, string> = {
  image: "apng avif bmp gif ico jfif jpeg jpg png svg webp",
  video: "m4v mkv mov mp4 ogv webm",
  audio: "aac flac m4a mp3 oga ogg opus wav",
  pdf: "pdf",
  text:
    "bash c cfg conf cpp cs css csv diff env go graphql h hpp htm html ini java js json jsonl jsx log lua md mjs patch " +
    "php pl properties py rb rs rst sh sql srt svelte tex toml ts tsv tsx txt vtt vue xml yaml yml",
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

/** Return how to show a file, judged by its extension: a listing does not contain content types. */
export function kindOf(name: string): Kind {
  return KINDS.get(extensionOf(name)) ?? "other";
}
