export type Kind = "image" | "video" | "audio" | "pdf" | "text" | "other";

const ENDINGS: Record<Exclude<Kind, "other">, string> = {
  image: "apng avif bmp gif ico jfif jpeg jpg png svg webp",
  video: "m4v mkv mov mp4 ogv webm",
  audio: "aac flac m4a mp3 oga ogg opus wav",
  pdf: "pdf",
  text:
    "bash c cfg conf cpp cs css csv diff env go graphql h hpp htm html ini java js json jsonl jsx log lua md mjs patch " +
    "php pl properties py rb rs rst sh sql srt svelte tex toml ts tsv tsx txt vtt vue xml yaml yml",
};
const KINDS = new Map(
  Object.entries(ENDINGS).flatMap(([kind, endings]) => endings.split(" ").map((ending) => [ending, kind as Kind])),
);

/** What ends a name after its last dot, in lower case: `jpg`; empty where there is no dot. */
export function endingOf(name: string): string {
  return /[^/]\.([^./]{1,12})$/.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** How a file of this name can be shown. S3 alone knows its type, and a list does not carry it. */
export function kindOf(name: string): Kind {
  return KINDS.get(endingOf(name)) ?? "other";
}
