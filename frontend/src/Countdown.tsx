import { useEffect, useState } from "react";
import { expiryOf } from "./signed-url.ts";
import { durationOf } from "./wording.ts";

const ALMOST_EXPIRED = 60_000;

/** Shows when a link expires, updated every second. Screen readers do not announce each update. */
export function Countdown({ url }: { url: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = expiryOf(url) - now;
  if (!Number.isFinite(left)) return null;
  return (
    <span role="timer" className={left < ALMOST_EXPIRED ? "countdown soon" : "countdown"}>
      {left > 0 ? `Link expires in ${durationOf(left)}` : "Link expired"}
    </span>
  );
}
