import { useEffect, useRef, useState } from "react";
import { lastPart } from "./files.ts";
import { kindOf } from "./kinds.ts";
import { open } from "./signed-url.ts";
import { counted, shown, sizeOf } from "./wording.ts";

type Props = { file: string; size: number; url: string; onFailed: () => void };

/** The file itself, as far as a browser can show it. */
export function Viewer({ file, size, url, onFailed }: Props) {
  const kind = kindOf(file);
  const name = shown(lastPart(file));
  if (size === 0) return <Instead title="This file is empty." advice="It has a name, and no content." />;
  if (kind === "image") return <img src={url} alt={name} onError={onFailed} />;
  if (kind === "video" || kind === "audio") return <Media kind={kind} name={name} url={url} onFailed={onFailed} />;
  if (kind === "text") return <TextFile name={name} size={size} url={url} onFailed={onFailed} />;
  if (kind === "pdf" && navigator.pdfViewerEnabled) return <iframe src={url} title={name} />;
  return (
    <Instead
      title={kind === "pdf" ? "This browser has no viewer for PDF." : "There is no preview for this kind of file."}
      advice="Download it, or open it in a new tab."
    />
  );
}

function Instead({ title, advice }: { title: string; advice: string }) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      <p>{advice}</p>
    </div>
  );
}

type MediaProps = { kind: "video" | "audio"; name: string; url: string; onFailed: () => void };

/** Plays on from where it was when it gets a new URL, which it asks for when the old one has expired. */
function Media({ kind: Tag, name, url, onFailed }: MediaProps) {
  const at = useRef({ time: 0, playing: false });
  return (
    <Tag
      src={url}
      controls
      preload="metadata"
      aria-label={name}
      onError={({ currentTarget: { currentTime, paused } }) => {
        at.current = { time: currentTime, playing: !paused };
        onFailed();
      }}
      onLoadedMetadata={({ currentTarget }) => {
        if (at.current.time) currentTarget.currentTime = at.current.time;
        if (at.current.playing) void currentTarget.play();
        at.current = { time: 0, playing: false };
      }}
    />
  );
}

const MOST_TEXT = 200_000;

function TextFile({ name, size, url, onFailed }: { name: string; size: number; url: string; onFailed: () => void }) {
  const [text, setText] = useState<string | null>(null);
  const failed = useRef(onFailed);
  failed.current = onFailed;
  useEffect(() => {
    let wanted = true;
    open(url, MOST_TEXT)
      .then((response) => response.arrayBuffer())
      .then((bytes) => wanted && setText(new TextDecoder().decode(bytes, { stream: true })))
      .catch(() => wanted && failed.current());
    return () => {
      wanted = false;
    };
  }, [url]);
  if (text === null) return <p className="waiting">One moment …</p>;
  return (
    <>
      {size > MOST_TEXT && (
        <p className="notice">
          The first {sizeOf(MOST_TEXT)} of {sizeOf(size)}, {counted(text.split("\n").length, "line")}. Download the file
          for the rest.
        </p>
      )}
      {/* What scrolls must scroll with the keyboard too. */}
      <section tabIndex={0} aria-label={name}>
        <pre dir="auto">{text}</pre>
      </section>
    </>
  );
}
