/** How far the user went in a folder: the entries that were loaded, and the scroll position in pixels. */
export type Position = { entries: number; top: number };

let entries = 0;

/** Note how many entries of the current folder are loaded. */
export function noteEntries(count: number): void {
  entries = count;
}

/** Keep the position in the browser's history, so that Reload and Back return to it. */
export function keepPosition(): void {
  history.replaceState({ ...history.state, entries, top: scrollY }, "");
}

/** Return the position that was kept for the current address; the start if there is none. */
export function keptPosition(): Position {
  const { entries: kept, top } = (history.state ?? {}) as Partial<Position>;
  return { entries: Number(kept) || 0, top: Number(top) || 0 };
}

history.scrollRestoration = "manual"; // the browser would restore it before the files have loaded
addEventListener("scrollend", keepPosition);
addEventListener("pagehide", keepPosition);
