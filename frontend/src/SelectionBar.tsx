import { lazy, Suspense, useState } from "react";
import { mayChange } from "./access.ts";
import type { Access, FileItem } from "./files.ts";
import type { Selection } from "./useSelection.ts";

const DeleteDialog = lazy(() => import("./DeleteDialog.tsx"));
const Share = lazy(() => import("./Share.tsx"));
const ZipDialog = lazy(() => import("./ZipDialog.tsx"));

type Props = {
  selection: Selection;
  /** The names of all files and folders that are shown. */
  all: string[];
  items: FileItem[];
  folder: string;
  /** Null without uploads: then nothing can be deleted either. */
  access: Access | null;
  onDeleted: () => void;
};

/** What can be done with the selected files. */
export function SelectionBar({ selection, all, items, folder, access, onDeleted }: Props) {
  const [open, setOpen] = useState<"delete" | "share" | "zip" | null>(null);
  const { names, select } = selection;
  const close = () => setOpen(null);
  const mayDelete = access !== null && mayChange("delete", [...names], access);
  const mayShare = ![...names].some((name) => name.endsWith("/")); // a link opens one file
  return (
    <>
      <section className="selection" aria-label="Selection">
        <p role="status">{names.size.toLocaleString()} selected</p>
        <div className="actions">
          <button type="button" className="main" onClick={() => setOpen("zip")}>
            Download as zip
          </button>
          {mayShare && (
            <button type="button" onClick={() => setOpen("share")}>
              Share …
            </button>
          )}
          {mayDelete && (
            <button type="button" onClick={() => setOpen("delete")}>
              Delete …
            </button>
          )}
          {names.size < all.length && (
            <button type="button" className="plain" onClick={() => select(all)}>
              Select all {all.length.toLocaleString()}
            </button>
          )}
          <button type="button" className="plain" onClick={() => select([])}>
            Clear
          </button>
        </div>
      </section>
      <Suspense>
        {open === "delete" && (
          <DeleteDialog
            names={names}
            items={items}
            onClose={(deleted) => {
              close();
              if (!deleted) return;
              select([]);
              onDeleted();
            }}
          />
        )}
        {open === "share" && <Share files={[...names]} onClose={close} />}
        {open === "zip" && <ZipDialog names={names} items={items} folder={folder} onClose={close} />}
      </Suspense>
    </>
  );
}
