import { lazy, Suspense, useState } from "react";
import { decoded } from "./decoded.ts";
import { extensionOf, TEXT_LIMIT } from "./kinds.ts";
import { Notice } from "./Notice.tsx";
import { counted, sizeOf } from "./wording.ts";

const MarkdownPreview = lazy(() => import("./MarkdownPreview.tsx"));
const TablePreview = lazy(() => import("./TablePreview.tsx"));

type Props = {
  kind: "text" | "table" | "markdown";
  name: string;
  size: number | null;
  /** The first bytes of the file. */
  bytes: Uint8Array;
};

/** Shows a text, a table as one and Markdown formatted, both also as their source. */
export default function TextPreview({ kind, name, size, bytes }: Props) {
  const [source, setSource] = useState(false);
  const cut = size === null ? bytes.length >= TEXT_LIMIT : size > bytes.length;
  const text = decoded(bytes, cut);
  if (text === null && extensionOf(name) === "ts") {
    return (
      <Notice
        title="This is a part of a film."
        advice="To watch the film, open its playlist, a file that ends in .m3u8."
      />
    );
  }
  if (text === null) {
    return (
      <Notice
        title="This is not a text file."
        advice="Its name or its type says so, but its content is binary. Download it and open it in another program."
      />
    );
  }
  const isTable = kind === "table" && !source; // which says itself what it does not show
  const pre = <pre dir="auto">{text}</pre>;
  return (
    <div className="document">
      {(cut || kind !== "text") && (
        <div className="document-bar">
          {cut && !isTable && (
            <p>
              The first {sizeOf(TEXT_LIMIT)}
              {size !== null && ` of ${sizeOf(size)}`}, {counted(text.split("\n").length, "line")}. Download the file to
              see the rest.
            </p>
          )}
          {kind !== "text" && (
            <button type="button" aria-pressed={source} onClick={() => setSource(!source)}>
              Show source
            </button>
          )}
        </div>
      )}
      {/* Focusable, so that the keyboard can scroll it. */}
      <section tabIndex={0} aria-label={name}>
        <Suspense fallback={<p className="waiting">Loading …</p>}>
          {kind === "markdown" && !source ? (
            <MarkdownPreview text={text} source={pre} />
          ) : isTable ? (
            <TablePreview text={text} cut={cut} tabs={extensionOf(name) === "tsv"} />
          ) : (
            pre
          )}
        </Suspense>
      </section>
    </div>
  );
}
