import { useSyncExternalStore } from "react";
import { keepPosition } from "./position.ts";
import { containsSignature } from "./signed-url.ts";

/** What the page shows: a folder (`""` or `photos/`), the text to search for below it, and the open file. */
export type Route = { folder: string; search: string; file: string | null };

const TOP: Route = { folder: "", search: "", file: null };

/** Return the hash of a route: `#/photos/`, `#/photos/?q=sun`, `#/photos/sunset.jpg`. Works for any name. */
export function hashOf({ folder, search, file }: Route): string {
  const path = (file ?? folder).split("/").map(encodeURIComponent).join("/");
  return `#/${path}${search && `?q=${encodeURIComponent(search)}`}`;
}

/** Return the route of a hash; the top folder if the hash is malformed or contains a signed URL. */
export function parseRoute(hash: string): Route {
  if (containsSignature(hash)) return TOP;
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?");
  try {
    const name = path.split("/").map(decodeURIComponent).join("/");
    const folder = name.slice(0, name.lastIndexOf("/") + 1);
    const search = new URLSearchParams(query.replaceAll("+", "%2B")).get("q") ?? "";
    return { folder, search, file: name === folder ? null : name };
  } catch {
    return TOP;
  }
}

/** Remove a signed URL that was pasted into the address, and return whether there was one. */
export function removeSignedUrl(): boolean {
  if (!containsSignature(location.hash)) return false;
  history.replaceState(history.state, "", "#/");
  return true;
}

/** Return the current route, which is kept in the address. */
export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}

/** Show a route and add it to the browser's history; `replace` replaces the current entry. */
export function navigate(route: Route, { replace = false } = {}): void {
  if (!replace) keepPosition();
  const state = replace ? history.state : { openedHere: true };
  history[replace ? "replaceState" : "pushState"](state, "", hashOf(route));
  dispatchEvent(new PopStateEvent("popstate"));
}

/** Close the open file, as the browser's back button does. */
export function closeFile(route: Route): void {
  if (history.state?.openedHere) history.back();
  else navigate({ ...route, file: null }, { replace: true });
}

function subscribe(changed: () => void): () => void {
  addEventListener("popstate", changed);
  addEventListener("hashchange", changed);
  return () => {
    removeEventListener("popstate", changed);
    removeEventListener("hashchange", changed);
  };
}
