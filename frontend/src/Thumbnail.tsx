import { useEffect, useRef, useState } from "react";
import { embeddedThumbnail, THUMBNAIL_BYTES } from "./embedded-thumbnail.ts";
import { open } from "./file-request.ts";
import type { FileItem } from "./files.ts";
import { extensionOf, kindOf } from "./kinds.ts";
import { isExpired } from "./signed-url.ts";

/** Larger pictures, in bytes, are never loaded as their own thumbnail. */
const LARGEST_ORIGINAL = 200_000;
const AT_ONCE = 4; // requests for embedded thumbnails

type Props = { item: FileItem; onExpired: () => void };

/** The picture in a tile: a small picture itself, or the thumbnail in a large JPEG; nothing for other files. */
export function Thumbnail({ item: { name, size, url }, onExpired }: Props) {
  if (kindOf(name) !== "image" || !url || !size) return null;
  if (size <= LARGEST_ORIGINAL) return <Picture url={url} onFailed={() => isExpired(url) && onExpired()} />;
  return /^(jpe?g|jfif)$/.test(extensionOf(name)) ? <LargeJpeg url={url} onExpired={onExpired} /> : null;
}

function Picture({ url, onFailed }: { url: string; onFailed: () => void }) {
  const [source, setSource] = useState(url);
  const [state, setState] = useState<"waiting" | "loaded" | "broken">("waiting");
  // Keep a loaded picture: a new URL would only load it again.
  if (url !== source && state !== "loaded") {
    setSource(url);
    setState("waiting");
  }
  if (state === "broken") return null;
  return (
    <img
      src={source}
      alt=""
      loading="lazy"
      decoding="async"
      onLoad={() => setState("loaded")}
      onError={() => {
        setState("broken");
        onFailed();
      }}
    />
  );
}

/** Reads the start of the file once the tile is visible, and shows the thumbnail in it. */
function LargeJpeg({ url, onExpired }: { url: string; onExpired: () => void }) {
  const place = useRef<HTMLSpanElement>(null);
  const [found, setFound] = useState<string | "none" | null>(null);
  const expired = useRef(onExpired);
  expired.current = onExpired;

  useEffect(() => {
    if (found !== null) return;
    let controller = new AbortController();
    const observer = new IntersectionObserver(([entry]) => {
      controller.abort();
      if (!entry?.isIntersecting) return;
      controller = new AbortController();
      const { signal } = controller;
      inTurn(() => load(url, signal), signal).then(
        (blob) => setFound(blob ? URL.createObjectURL(blob) : "none"),
        () => !signal.aborted && isExpired(url) && expired.current(),
      );
    });
    observer.observe(place.current as HTMLSpanElement);
    return () => {
      observer.disconnect();
      controller.abort();
    };
  }, [url, found]);
  useEffect(() => () => void (found && URL.revokeObjectURL(found)), [found]);

  if (found === "none") return null;
  return found === null ? <span ref={place} className="place" /> : <Picture url={found} onFailed={() => {}} />;
}

async function load(url: string, signal: AbortSignal): Promise<Blob | null> {
  const response = await open(url, THUMBNAIL_BYTES, signal);
  if (response.status !== 206) {
    await response.body?.cancel(); // the server would send the whole file
    return null;
  }
  return embeddedThumbnail(new Uint8Array(await response.arrayBuffer()));
}

const turns = new Set<Promise<unknown>>();

/** Start a task when fewer than AT_ONCE others run. */
async function inTurn<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T> {
  while (turns.size >= AT_ONCE) await Promise.race(turns);
  signal.throwIfAborted();
  const turn = task();
  const settled: Promise<unknown> = turn.then(
    () => turns.delete(settled),
    () => turns.delete(settled),
  );
  turns.add(settled);
  return turn;
}
