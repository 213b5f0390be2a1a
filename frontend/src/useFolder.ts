import { useCallback, useEffect, useRef, useState } from "react";
import { pageAbove, type Readable, startOf } from "./access.ts";
import { joined } from "./api-response.ts";
import { listFolder, type Page } from "./files.ts";
import { isExpired } from "./signed-url.ts";

type State = { folder: string; page: Page | null; loading: boolean; thrown: unknown };

/**
 * Read the names in a folder that start with `search`, a page at a time; renew expired URLs when the page is visible.
 *
 * The first response says what the user may read. For the route `""` the folder is the one in which they start.
 */
export function useFolder(route: string, search: string) {
  const [readable, setReadable] = useState<Readable | null>(null);
  const folder = route === "" && readable ? startOf(readable) : route;
  const known = useRef(readable);
  const [state, setState] = useState<State>(() => nothingYet(folder));
  // Another folder starts empty; a search keeps the old results until it is done
  const { page, loading, thrown } = state.folder === folder ? state : nothingYet(folder);
  const latest = useRef(0);

  const load = useCallback(
    async (read: () => Promise<Page>) => {
      latest.current += 1;
      const mine = latest.current;
      setState((before) => ({
        ...(before.folder === folder ? before : nothingYet(folder)),
        loading: true,
        thrown: null,
      }));
      const result = await read().then(
        (found) => ({ page: found, loading: false, thrown: null }),
        (error) => ({ loading: false, thrown: error }),
      );
      // Ignore this response if a newer request has been sent.
      if (mine === latest.current) setState((before) => ({ ...before, ...result }));
    },
    [folder],
  );

  const read = useCallback(
    async (nextToken: string | null = null, atLeast = 1): Promise<Page> => {
      const above = pageAbove(folder, search, known.current ?? []);
      if (above) return above;
      const found = await listFolder(folder + search, { nextToken, atLeast, first: known.current === null });
      if (!found.readable) return found.page;
      known.current = found.readable;
      setReadable(found.readable);
      return pageAbove(folder, search, found.readable) ?? found.page;
    },
    [folder, search],
  );
  const reload = useCallback(() => load(read), [load, read]);
  useEffect(() => void reload(), [reload]);

  const more = () => {
    if (page && !loading) void load(async () => joined(page, await read(page.nextToken)));
  };

  const renew = useCallback(() => {
    if (!page || loading || !page.items.some(({ url }) => url && isExpired(url))) return;
    void load(() => read(null, page.items.length + page.folders.length));
  }, [load, loading, page, read]);
  useEffect(() => {
    const whenVisible = () => document.visibilityState === "visible" && renew();
    document.addEventListener("visibilitychange", whenVisible);
    return () => document.removeEventListener("visibilitychange", whenVisible);
  }, [renew]);

  return { folder, readable, page, loading, thrown, more, reload, renew };
}

function nothingYet(folder: string): State {
  return { folder, page: null, loading: true, thrown: null };
}
