import { useSyncExternalStore } from "react";

/** Where in the files a person is: a folder (`""` or `photos/`), what names begin with, and the file that is open. */
export type Place = { folder: string; search: string; file: string | null };

/** The hash for a place: `#/photos/`, `#/photos/?q=sun`, `#/photos/sunset.jpg`. Any name survives it. */
export function hashOf({ folder, search, file }: Place): string {
  const path = (file ?? folder).split("/").map(encodeURIComponent).join("/");
  return `#/${path}${search && `?q=${encodeURIComponent(search)}`}`;
}

/** The place of a hash; one that no place has is the top folder. */
export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  try {
    const name = path.split("/").map(decodeURIComponent).join("/");
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    const search = new URLSearchParams(query.replaceAll("+", "%2B")).get("q") ?? "";
    return { folder, search, file: name === folder ? null : name };
  } catch {
    return { folder: "", search: "", file: null };
  }
}

/** The place where the person is now, which the browser's history keeps. */
export function usePlace(): Place {
  return placeOf(useSyncExternalStore(subscribe, () => location.hash));
}

/** Goes to a place, which becomes one step of the history; with `replace` it takes the place of the last. */
export function go(place: Place, { replace = false } = {}): void {
  const step = replace ? history.state : { fromThisPage: true };
  history[replace ? "replaceState" : "pushState"](step, "", hashOf(place));
  dispatchEvent(new PopStateEvent("popstate"));
}

/** Closes the file that is open, as the browser's back button does. */
export function closeFile(place: Place): void {
  if (history.state?.fromThisPage) history.back();
  else go({ ...place, file: null }, { replace: true });
}

function subscribe(changed: () => void): () => void {
  addEventListener("popstate", changed);
  addEventListener("hashchange", changed);
  return () => {
    removeEventListener("popstate", changed);
    removeEventListener("hashchange", changed);
  };
}
