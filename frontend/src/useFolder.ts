import { useCallback, useEffect, useRef, useState } from "react";
import { pageAbove, startOf } from "./access.ts";
import { joined } from "./api-response.ts";
import { type Access, listFolder, type Page } from "./files.ts";
import { keptPosition, noteEntries } from "./position.ts";
import { isExpired } from "./signed-url.ts";

type State = { folder: string; page: Page | null; loading: boolean; thrown: unknown };

/**
 * Read a folder, a page at a time; renew expired URLs when the page is visible.
 *
 * The first response says what the user may do. For the route `""` the folder is the one in which they start.
 */
export function useFolder(route: string) {
  const [access, setAccess] = useState<Access | null>(null);
  const folder = route === "" && access ? startOf(access.read) : route;
  const known = useRef(access);
  const [state, setState] = useState<State>(() => nothingYet(folder));
  // Another folder starts empty
  const { page, loading, thrown } = state.folder === folder ? state : nothingYet(folder);
  const latest = useRef(0);
  const count = page ? page.items.length + page.folders.length : 0;
  useEffect(() => noteEntries(count), [count]);

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
      const above = pageAbove(folder, known.current?.read ?? []);
      if (above) return above;
      const found = await listFolder(folder, { nextToken, atLeast, first: known.current === null });
      if (!found.access) return found.page;
      known.current = found.access;
      setAccess(found.access);
      return pageAbove(folder, found.access.read) ?? found.page;
    },
    [folder],
  );
  useEffect(() => void load(() => read(null, keptPosition().entries)), [load, read]);
  const reload = useCallback(() => load(() => read(null, count)), [load, read, count]);

  /** Load the next page, or more of them until there are this many entries. */
  const more = (atLeast = 1) => {
    if (page?.nextToken && !loading) void load(async () => joined(page, await read(page.nextToken, atLeast - count)));
  };

  const renew = useCallback(() => {
    if (!page || loading || !page.items.some(({ url }) => url && isExpired(url))) return;
    void reload();
  }, [loading, page, reload]);
  useEffect(() => {
    const whenVisible = () => document.visibilityState === "visible" && renew();
    document.addEventListener("visibilitychange", whenVisible);
    return () => document.removeEventListener("visibilitychange", whenVisible);
  }, [renew]);

  return { folder, access, page, loading, thrown, more, reload, renew };
}

function nothingYet(folder: string): State {
  return { folder, page: null, loading: true, thrown: null };
}
