import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { open } from "./file-request.ts";
import { lastPart } from "./files.ts";
import { isFilm, isText, type Kind, kindOf, shownAs, TEXT_LIMIT, typeOf } from "./kinds.ts";
import { Notice } from "./Notice.tsx";
import { shown } from "./wording.ts";

const Film = lazy(() => import("./Film.tsx"));
const TextPreview = lazy(() => import("./TextPreview.tsx"));

type Props = {
  file: string;
  size: number | null;
  url: string;
  /** The file, or an element that shows it, has not loaded; the error is known only of a request. */
  onFailed: (error?: unknown) => void;
};
type ViewProps = Props & { name: string; start: Start };

const ENOUGH_TO_KNOW = 1024; // bytes
const LOADING = <p className="waiting">Loading …</p>;

/** Shows a file if the browser can. The content type that it is served as decides how. */
export function Viewer(props: Props) {
  const { file, size, url, onFailed } = props;
  const start = useStart(url, isText(kindOf(file)) ? TEXT_LIMIT : ENOUGH_TO_KNOW, size !== 0, onFailed);
  if (size === 0) return <Notice title="This file is empty." advice="There is nothing to show." />;
  if (!start) return LOADING;
  return (
    <Suspense fallback={LOADING}>
      <View {...props} name={shown(lastPart(file))} start={start} />
    </Suspense>
  );
}

function View({ file, size, url, onFailed, name, start }: ViewProps) {
  const type = typeOf(start.response);
  const kind = shownAs(file, type);
  if (kind === null) return <Mislabelled promised={kindOf(file)} type={type} />;
  if (kind === "image") return <img src={url} alt={name} onError={() => onFailed()} />;
  if (isFilm(file, type)) return <Film name={name} url={url} onSessionEnded={onFailed} />;
  if (kind === "video" || kind === "audio") return <Media kind={kind} name={name} url={url} onFailed={onFailed} />;
  if (kind === "pdf") return <PdfFile name={name} url={url} start={start.bytes} />;
  if (kind !== "other") return <TextFile {...{ kind, name, size, url, start, onFailed }} />;
  return <Notice title="There is no preview for this type of file." advice={OPEN_ELSEWHERE} />;
}

const OPEN_ELSEWHERE = "Download it, or open it in a new tab.";
const NOUNS: Record<Kind, string> = {
  image: "an image",
  video: "a video",
  audio: "a sound",
  pdf: "a PDF",
  text: "a text",
  table: "a table",
  markdown: "a text",
  other: "another file",
};

/** The name and the type of the file contradict each other: a web page may be called a picture. */
function Mislabelled({ promised, type }: { promised: Kind; type: string }) {
  return (
    <Notice
      title={promised === "pdf" ? "This file is not served as a PDF." : "This file is not what its name says."}
      advice={`Its name is that of ${NOUNS[promised]}, but its server says that its type is ${type || "unknown"}. Open it only if you trust who uploaded it.`}
    />
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

/** Return the first bytes of a file, or null while they load; with a new URL, those before until it has responded. */
function useStart(url: string, bytes: number, needed: boolean, onFailed: (error: unknown) => void): Start | null {
  const [start, setStart] = useState<Start | null>(null);
  const failed = useRef(onFailed);
  failed.current = onFailed;
  useEffect(() => {
    if (!needed) return;
    const controller = new AbortController();
    open(url, bytes, controller.signal)
      .then(async (response) => ({ response, bytes: new Uint8Array(await response.arrayBuffer()).subarray(0, bytes) }))
      .then((found) => setStart(found))
      .catch((error: unknown) => controller.signal.aborted || failed.current(error));
    return () => controller.abort();
  }, [url, bytes, needed]);
  return start;
}

/** Frames a file only if it is a PDF: a web page in a frame could show a form, or lead somewhere else. */
function PdfFile({ name, url, start }: { name: string; url: string; start: Uint8Array }) {
  if (!new TextDecoder().decode(start).trimStart().startsWith("%PDF-")) {
    return (
      <Notice
        title="This file is not a PDF."
        advice="Its type says so, but its content does not. Open it only if you trust who uploaded it."
      />
    );
  }
  if (!navigator.pdfViewerEnabled)
    return <Notice title="This browser cannot show PDF files." advice={OPEN_ELSEWHERE} />;
  return <iframe src={url} title={name} />;
}

type TextProps = Omit<ViewProps, "file"> & { kind: "text" | "table" | "markdown" };

/** Reads the rest of the text if only its type, not its name, said that it is one. */
function TextFile({ kind, name, size, url, start, onFailed }: TextProps) {
  const isEnough = start.bytes.length !== ENOUGH_TO_KNOW || size === ENOUGH_TO_KNOW;
  const rest = useStart(url, TEXT_LIMIT, !isEnough, onFailed);
  const bytes = isEnough ? start.bytes : rest?.bytes;
  if (!bytes) return LOADING;
  return <TextPreview kind={kind} name={name} size={size} bytes={bytes} />;
}
