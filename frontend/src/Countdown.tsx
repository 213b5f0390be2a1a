import { useEffect, useState } from "react";
import { expiryOf } from "./signed-url.ts";
import { clockOf } from "./wording.ts";

const SOON = 60_000;

/** How long a link still opens its file, every second anew. It is read on request, not aloud each time. */
export function Countdown({ url }: { url: string }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const left = expiryOf(url) - now;
  return (
    <span role="timer" className={left < SOON ? "countdown soon" : "countdown"}>
      {left > 0 ? `The link opens it for ${clockOf(left)}` : "The link has expired"}
    </span>
  );
}
