/**
 * A name as it can be shown without lying: characters that are not seen, or that turn the text around them, are spelt
 * out. `annual‮fdp.exe` would read as a PDF.
 */
export function shown(name: string): string {
  return name.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, (character) => {
    return `[U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** `104 bytes`, `1.2 MB`: in steps of a thousand. */
export function sizeOf(bytes: number): string {
  let step = 0;
  while (bytes / 1000 ** step >= 999.5 && step < UNITS.length - 1) step += 1; // 999,600 bytes would read "1,000 kB"
  const options = {
    style: "unit",
    unit: UNITS[step] ?? "byte",
    maximumSignificantDigits: 3,
    unitDisplay: step ? "short" : "long",
  } as const;
  return new Intl.NumberFormat(undefined, options).format(bytes / 1000 ** step);
}

/** `24 Nov 2026`, in the reader's language and time zone. */
export function dateOf(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { dateStyle: "medium" });
}

/** `14:32`, `1:02:05`; never below zero. */
export function clockOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const text = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return text.replace(/^(00:)?0?/, "");
}

/** `1 file`, `3 files`. */
export function counted(number: number, noun: string): string {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}
