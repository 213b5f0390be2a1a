import { useCallback, useEffect, useRef, useState } from "react";
import { joined } from "./api-response.ts";
import { listFolder, type Page } from "./files.ts";
import { isExpired } from "./signed-url.ts";

type Folder = { page: Page | null; loading: boolean; thrown: unknown };

/** Read the names in a folder that start with `search`, a page at a time; renew expired URLs when the page is visible. */
export function useFolder(folder: string, search: string) {
  const [{ page, loading, thrown }, setState] = useState<Folder>({ page: null, loading: true, thrown: null });
  const latest = useRef(0);

  const load = useCallback(async (read: () => Promise<Page>) => {
    latest.current += 1;
    const mine = latest.current;
    setState((state) => ({ ...state, loading: true, thrown: null }));
    const result = await read().then(
      (found) => ({ page: found, loading: false, thrown: null }),
      (error) => ({ loading: false, thrown: error }),
    );
    // Ignore this response if a newer request has been sent.
    if (mine === latest.current) setState((state) => ({ ...state, ...result }));
  }, []);

  const prefix = folder + search;
  const reload = useCallback(() => load(() => listFolder(prefix)), [load, prefix]);
  // Another folder starts empty; a search keeps the old results until it is done
  useEffect(() => setState({ page: null, loading: true, thrown: null }), [folder]);
  useEffect(() => void reload(), [reload]);

  const more = () => {
    if (!page || loading) return;
    void load(async () => {
      const next = await listFolder(prefix, page.nextToken);
      return joined(page, next);
    });
  };

  const renew = useCallback(() => {
    if (!page || loading || !page.items.some(({ url }) => url && isExpired(url))) return;
    void load(() => listFolder(prefix, null, page.items.length + page.folders.length));
  }, [load, loading, page, prefix]);
  useEffect(() => {
    const whenVisible = () => document.visibilityState === "visible" && renew();
    document.addEventListener("visibilitychange", whenVisible);
    return () => document.removeEventListener("visibilitychange", whenVisible);
  }, [renew]);

  return { page, loading, thrown, more, reload, renew };
}
