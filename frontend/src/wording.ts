const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const JOINER = /[\u200c\u200d\ufe0e\ufe0f]/; // between emoji, and in scripts whose letters they change
const JOINED = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{M}]$|(?![\p{sc=Latn}\p{sc=Grek}\p{sc=Cyrl}])\p{L}$/u;

/**
 * Return a name with invisible and text-direction characters written out: with them, `annual‮fdp.exe` looks like
 * a PDF.
 */
export function shown(name: string): string {
  return name.replace(INVISIBLE, (character, index: number) =>
    JOINER.test(character) && JOINED.test(name.slice(0, index)) ? character : writtenOut(character),
  );
}

/** Return a name in ASCII, every other character written out: `e[U+0301]te.jpg`. Shows how two names differ. */
export function spelledOut(name: string): string {
  return name.replace(/[^ -~]| (?= )|^ | $/gu, (character) => (character === " " ? "[space]" : writtenOut(character)));
}

/** Return the names that look the same as another one: other normal forms, other spaces, invisible characters. */
export function lookAlikes(names: string[]): Set<string> {
  const byAppearance = new Map<string, string[]>();
  for (const name of names) {
    const look = appearance(name);
    byAppearance.set(look, [...(byAppearance.get(look) ?? []), name]);
  }
  return new Set([...byAppearance.values()].filter((same) => same.length > 1).flat());
}

function appearance(name: string): string {
  return name.replace(INVISIBLE, "").normalize("NFC").replace(/\s+/gu, " ").trim();
}

function writtenOut(character: string): string {
  return `[U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}]`;
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
// Kept, because a formatter takes longer to make than a tile to draw
const sizes: Intl.NumberFormat[] = [];
let dates: Intl.DateTimeFormat | undefined;

/** `104 bytes`, `1.2 MB`: powers of 1000. */
export function sizeOf(bytes: number): string {
  let step = 0;
  while (bytes / 1000 ** step >= 999.5 && step < UNITS.length - 1) step += 1; // 999,600 bytes would be "1,000 kB"
  const format = (sizes[step] ??= new Intl.NumberFormat(undefined, {
    style: "unit",
    unit: UNITS[step] ?? "byte",
    maximumSignificantDigits: 3,
    unitDisplay: step ? "short" : "long",
  }));
  return format.format(bytes / 1000 ** step);
}

/** `104 bytes · 24 Nov 2026, 14:05`: what is known of a file. */
export function detailsOf({ size, lastModified }: { size: number | null; lastModified: string | null }): string {
  return [size !== null && sizeOf(size), lastModified !== null && dateOf(lastModified)].filter(Boolean).join(" · ");
}

/** `24 Nov 2026, 14:05`, in the reader's language and time zone. */
export function dateOf(time: string): string {
  dates ??= new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  return dates.format(new Date(time));
}

/** `Thu, 26 Nov 2026, 14:05 CET`, for milliseconds since 1970; an empty string if it is not a moment. */
export function momentOf(milliseconds: number): string {
  if (!Number.isFinite(milliseconds)) return "";
  return new Date(milliseconds).toLocaleString(undefined, {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "numeric",
    minute: "2-digit",
    timeZoneName: "short",
  });
}

/** `45 sec`, `19 min`, `5 hr`, `3 days`: whole units, rounded down. */
export function durationOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return inUnit(seconds, "second");
  if (seconds < 2 * 3600) return inUnit(Math.floor(seconds / 60), "minute");
  if (seconds < 2 * 86_400) return inUnit(Math.floor(seconds / 3600), "hour");
  return inUnit(Math.floor(seconds / 86_400), "day");
}

/** `90 seconds`, `15 minutes`, `1 hour`, `7 days`: the largest unit that divides it. */
export function fullDurationOf(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const units = { day: 86_400, hour: 3600, minute: 60 };
  const unit = Object.entries(units).find(([, length]) => seconds % length === 0);
  return inUnit(seconds / (unit?.[1] ?? 1), unit?.[0] ?? "second", "long");
}

function inUnit(number: number, unit: string, unitDisplay: "short" | "long" = "short"): string {
  return new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay }).format(number);
}

/** `1 file`, `3 files`. */
export function counted(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString()} ${number === 1 ? noun : plural}`;
}
