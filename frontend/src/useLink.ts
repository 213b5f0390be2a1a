import { useCallback, useEffect, useState } from "react";
import { type Link, getLink } from "./files.ts";
import { expiryOf } from "./signed-url.ts";

const BEFORE_EXPIRY = 30_000;
const AT_MOST_EVERY = 10_000; // even if URLs expire sooner or this device's clock is wrong
const A_DAY = 86_400_000; // timers overflow after 24.8 days

/** Keep a link to a file, renewed before it expires while the page is visible. `renew` returns a new one. */
export function useLink(name: string) {
  const [link, setLink] = useState<Link | null>(null);
  const [thrown, setThrown] = useState<unknown>(null);

  const renew = useCallback(async () => {
    try {
      const fresh = await getLink(name);
      setLink(fresh);
      setThrown(null);
      return fresh;
    } catch (error) {
      setThrown(error);
      throw error;
    }
  }, [name]);
  const tryRenew = useCallback(() => void renew().catch(() => {}), [renew]); // the error is in `thrown`

  useEffect(tryRenew, [tryRenew]);
  useEffect(() => {
    if (!link) return;
    const due = expiryOf(link.url) - BEFORE_EXPIRY;
    const renewIfVisible = () => {
      if (document.visibilityState === "visible" && Date.now() >= due) tryRenew();
    };
    const wait = Math.min(Math.max(due - Date.now(), AT_MOST_EVERY), A_DAY);
    const timer = setTimeout(renewIfVisible, wait);
    document.addEventListener("visibilitychange", renewIfVisible);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", renewIfVisible);
    };
  }, [link, tryRenew]);

  return { link, thrown, renew, retry: tryRenew };
}
