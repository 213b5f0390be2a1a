import { useEffect, useRef, useState } from "react";
import { lastPart } from "./files.ts";
import { kindOf } from "./kinds.ts";
import { open } from "./signed-url.ts";
import { counted, shown, sizeOf } from "./wording.ts";

type Props = { file: string; size: number; url: string; onFailed: () => void };

/** Shows a file if the browser can. */
export function Viewer({ file, size, url, onFailed }: Props) {
  const kind = kindOf(file);
  const name = shown(lastPart(file));
  if (size === 0) return <Notice title="This file is empty." advice="There is nothing to show." />;
  if (kind === "image") return <img src={url} alt={name} onError={onFailed} />;
  if (kind === "video" || kind === "audio") return <Media kind={kind} name={name} url={url} onFailed={onFailed} />;
  if (kind === "text") return <TextFile name={name} size={size} url={url} onFailed={onFailed} />;
  if (kind === "pdf" && navigator.pdfViewerEnabled) return <iframe src={url} title={name} />;
  return (
    <Notice
      title={kind === "pdf" ? "This browser cannot show PDF files." : "There is no preview for this type of file."}
      advice="Download it, or open it in a new tab."
    />
  );
}

function Notice({ title, advice }: { title: string; advice: string }) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      <p>{advice}</p>
    </div>
  );
}

type MediaProps = { kind: "video" | "audio"; name: string; url: string; onFailed: () => void };

/** Continues at the same position after its URL has expired and was replaced. */
function Media({ kind: Tag, name, url, onFailed }: MediaProps) {
  const position = useRef({ time: 0, playing: false });
  return (
    <Tag
      src={url}
      controls
      preload="metadata"
      aria-label={name}
      onError={({ currentTarget: { currentTime, paused } }) => {
        position.current = { time: currentTime, playing: !paused };
        onFailed();
      }}
      onLoadedMetadata={({ currentTarget }) => {
        if (position.current.time) currentTarget.currentTime = position.current.time;
        if (position.current.playing) void currentTarget.play();
        position.current = { time: 0, playing: false };
      }}
    />
  );
}

const TEXT_LIMIT = 200_000;

function TextFile({ name, size, url, onFailed }: { name: string; size: number; url: string; onFailed: () => void }) {
  const [text, setText] = useState<string | null>(null);
  const failed = useRef(onFailed);
  failed.current = onFailed;
  useEffect(() => {
    let wanted = true;
    open(url, TEXT_LIMIT)
      .then((response) => response.arrayBuffer())
      .then((bytes) => wanted && setText(new TextDecoder().decode(bytes, { stream: true })))
      .catch(() => wanted && failed.current());
    return () => {
      wanted = false;
    };
  }, [url]);
  if (text === null) return <p className="waiting">Loading …</p>;
  return (
    <>
      {size > TEXT_LIMIT && (
        <p className="notice">
          The first {sizeOf(TEXT_LIMIT)} of {sizeOf(size)}, {counted(text.split("\n").length, "line")}. Download the
          file to see the rest.
        </p>
      )}
      {/* Focusable, so that the keyboard can scroll it. */}
      <section tabIndex={0} aria-label={name}>
        <pre dir="auto">{text}</pre>
      </section>
    </>
  );
}
