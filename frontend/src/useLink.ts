import { useCallback, useEffect, useState } from "react";
import { type Link, linkTo } from "./files.ts";
import { expiryOf } from "./signed-url.ts";

const BEFORE_EXPIRY = 30_000;
const AT_MOST_EVERY = 10_000; // however short the URLs live, and however wrong this device's clock is
const A_DAY = 86_400_000; // a timer cannot wait for a month

/** The link to a file, renewed before it expires as long as the page is seen. `renew` answers a fresh one at once. */
export function useLink(name: string) {
  const [link, setLink] = useState<Link | null>(null);
  const [thrown, setThrown] = useState<unknown>(null);

  const renew = useCallback(async () => {
    try {
      const fresh = await linkTo(name);
      setLink(fresh);
      setThrown(null);
      return fresh;
    } catch (error) {
      setThrown(error);
      throw error;
    }
  }, [name]);
  const tryRenew = useCallback(() => void renew().catch(() => {}), [renew]); // `thrown` tells

  useEffect(tryRenew, [tryRenew]);
  useEffect(() => {
    if (!link) return;
    const due = expiryOf(link.url) - BEFORE_EXPIRY;
    const renewWhenSeen = () => {
      if (document.visibilityState === "visible" && Date.now() >= due) tryRenew();
    };
    const wait = Math.min(Math.max(due - Date.now(), AT_MOST_EVERY), A_DAY);
    const timer = setTimeout(renewWhenSeen, wait);
    document.addEventListener("visibilitychange", renewWhenSeen);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", renewWhenSeen);
    };
  }, [link, tryRenew]);

  return { link, thrown, renew, retry: tryRenew };
}
