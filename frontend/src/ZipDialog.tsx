import { useEffect, useRef, useState } from "react";
import { Dialog } from "./Dialog.tsx";
import { ErrorMessage } from "./ErrorMessage.tsx";
import type { FileItem } from "./files.ts";
import { selectedFiles } from "./selected-files.ts";
import { counted, sizeOf } from "./wording.ts";
import { downloadAsZip } from "./zip.ts";

type Props = { names: Set<string>; items: FileItem[]; folder: string; onClose: () => void };

/** Downloads the selected files, and those in the selected folders, as one zip. */
export default function ZipDialog({ names, items, folder, onClose }: Props) {
  const [files, setFiles] = useState<FileItem[] | null>(null);
  const [counting, setCounting] = useState(0);
  const [read, setRead] = useState(0);
  const [done, setDone] = useState(false);
  const [thrown, setThrown] = useState<unknown>(null);
  const first = useRef({ names, items, folder }); // what was selected when the dialog opened

  useEffect(() => {
    const controller = new AbortController();
    async function download() {
      const { names: selected, items: known, folder: from } = first.current;
      const found = await selectedFiles(selected, known, setCounting);
      controller.signal.throwIfAborted();
      setFiles(found);
      await downloadAsZip(found, { folder: from, signal: controller.signal, onProgress: setRead });
      setDone(true);
    }
    download().catch((error: unknown) => {
      if (!controller.signal.aborted) setThrown(error);
    });
    return () => controller.abort();
  }, []);

  const size = (files ?? []).reduce((sum, item) => sum + (item.size ?? 0), 0);
  return (
    <Dialog title={done ? "The zip is downloaded" : "Downloading as zip"} onClose={onClose}>
      {thrown !== null ? (
        <ErrorMessage thrown={thrown} />
      ) : (
        <>
          <p role="status">
            {files === null
              ? `Counting the files … ${counting > 0 ? counting.toLocaleString() : ""}`
              : `${counted(files.length, "file")}, ${sizeOf(size)}`}
          </p>
          <progress aria-label="Download" value={done ? 1 : size ? read / size : 0} />
          <p className="quiet">{sizeOf(read)}</p>
        </>
      )}
      <div className="actions">
        <button type="button" onClick={onClose}>
          {done || thrown !== null ? "Close" : "Cancel"}
        </button>
      </div>
    </Dialog>
  );
}
