import { useEffect, useRef, useState } from "react";
import { open } from "./file-request.ts";
import { lastPart } from "./files.ts";
import { type Kind, kindOf } from "./kinds.ts";
import { PageError } from "./page-error.ts";
import { counted, shown, sizeOf } from "./wording.ts";

type Props = { file: string; size: number | null; url: string; onFailed: () => void };

/** Shows a file if the browser can. */
export function Viewer({ file, size, url, onFailed }: Props) {
  const kind = kindOf(file);
  const name = shown(lastPart(file));
  if (size === 0) return <Notice title="This file is empty." advice="There is nothing to show." />;
  if (kind === "image") return <img src={url} alt={name} onError={onFailed} />;
  if (kind === "video" || kind === "audio") return <Media kind={kind} name={name} url={url} onFailed={onFailed} />;
  if (kind === "text") return <TextFile name={name} size={size} url={url} onFailed={onFailed} />;
  if (kind === "pdf" && navigator.pdfViewerEnabled)
    return <PdfFile key={url} name={name} url={url} onFailed={onFailed} />;
  return (
    <Notice
      title={kind === "pdf" ? "This browser cannot show PDF files." : "There is no preview for this type of file."}
      advice="Download it, or open it in a new tab."
    />
  );
}

/** The content of a file is not what its name promises, or this browser cannot decode it. */
export class Undisplayable extends PageError {
  constructor(file: string, response: Response) {
    const [kind, type] = [kindOf(file), typeOf(response)];
    const isMislabelled = !TYPES[kind]?.test(type);
    super(
      "This browser cannot show this file.",
      isMislabelled
        ? `Its name is that of ${NOUNS[kind]}, but its server says that its type is ${type || "unknown"}. Open it only if you trust who uploaded it.`
        : "It may be damaged, or not be what its name says. Download it and open it in another program.",
    );
  }
}

const NOUNS: Record<Kind, string> = {
  image: "an image",
  video: "a video",
  audio: "a sound",
  pdf: "a PDF",
  text: "a text",
  other: "another file",
};
const TYPES: Partial<Record<Kind, RegExp>> = {
  image: /^image\//,
  video: /^(video|audio)\//,
  audio: /^(video|audio)\//,
  pdf: /^application\/pdf$/,
};

function typeOf(response: Response): string {
  return (response.headers.get("Content-Type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
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

type Start = { response: Response; bytes: Uint8Array };

/** Return the first bytes of a file, or null while they load. */
function useStart(url: string, bytes: number, onFailed: () => void): Start | null {
  const [start, setStart] = useState<Start | null>(null);
  const failed = useRef(onFailed);
  failed.current = onFailed;
  useEffect(() => {
    let wanted = true;
    open(url, bytes)
      .then(async (response) => ({ response, bytes: new Uint8Array(await response.arrayBuffer()).subarray(0, bytes) }))
      .then((found) => wanted && setStart(found))
      .catch(() => wanted && failed.current());
    return () => {
      wanted = false;
    };
  }, [url, bytes]);
  return start;
}

/** Frames a file only if it is a PDF: a web page in a frame could show a form, or lead somewhere else. */
function PdfFile({ name, url, onFailed }: { name: string; url: string; onFailed: () => void }) {
  const start = useStart(url, 1024, onFailed);
  if (!start) return <p className="waiting">Loading …</p>;
  const type = typeOf(start.response);
  if (type !== "application/pdf") {
    return (
      <Notice
        title="This file is not served as a PDF."
        advice={`Its server says that its type is ${type || "unknown"}. Open it only if you trust who uploaded it.`}
      />
    );
  }
  if (!new TextDecoder().decode(start.bytes).trimStart().startsWith("%PDF-")) {
    return (
      <Notice
        title="This file is not a PDF."
        advice="Its name and its type say so, but its content does not. Open it only if you trust who uploaded it."
      />
    );
  }
  return <iframe src={url} title={name} />;
}

const TEXT_LIMIT = 200_000;

function TextFile({
  name,
  size,
  url,
  onFailed,
}: {
  name: string;
  size: number | null;
  url: string;
  onFailed: () => void;
}) {
  const start = useStart(url, TEXT_LIMIT, onFailed);
  if (!start) return <p className="waiting">Loading …</p>;
  const text = new TextDecoder(encodingOf(start.bytes)).decode(start.bytes, { stream: true });
  if (text.includes("\0")) {
    return (
      <Notice
        title="This is not a text file."
        advice="Its name says so, but its content is binary. Download it and open it in another program."
      />
    );
  }
  return (
    <>
      {size !== null && size > TEXT_LIMIT && (
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

/** Windows programs write UTF-16, which starts with a byte order mark. */
function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}
