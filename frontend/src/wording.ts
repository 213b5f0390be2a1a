/**
 * Return a name with invisible and text-direction characters written out: with them, `annual‮fdp.exe` looks like
 * a PDF.
 */
export function shown(name: string): string {
  return name.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu, (character) => {
    return `[U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];

/** `104 bytes`, `1.2 MB`: powers of 1000. */
export function sizeOf(bytes: number): string {
  let step = 0;
  while (bytes / 1000 ** step >= 999.5 && step < UNITS.length - 1) step += 1; // 999,600 bytes would be "1,000 kB"
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

/** `45 sec`, `19 min`, `5 hr`, `3 days`: whole units, rounded down. */
export function durationOf(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return inUnit(seconds, "second");
  if (seconds < 2 * 3600) return inUnit(Math.floor(seconds / 60), "minute");
  if (seconds < 2 * 86_400) return inUnit(Math.floor(seconds / 3600), "hour");
  return inUnit(Math.floor(seconds / 86_400), "day");
}

function inUnit(number: number, unit: string): string {
  return new Intl.NumberFormat(undefined, { style: "unit", unit, unitDisplay: "short" }).format(number);
}

/** `1 file`, `3 files`. */
export function counted(number: number, noun: string): string {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}
