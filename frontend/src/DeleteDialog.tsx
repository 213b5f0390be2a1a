import { useEffect, useState } from "react";
import { Dialog } from "./Dialog.tsx";
import { ErrorMessage } from "./ErrorMessage.tsx";
import type { FileItem } from "./files.ts";
import type { Refused } from "./graphql.ts";
import { selectedFiles } from "./selected-files.ts";
import { deleteFiles } from "./uploads/upload-api.ts";
import { NameList } from "./uploads/Uploader.tsx";
import { counted, shown, sizeOf } from "./wording.ts";

type Props = { names: Set<string>; items: FileItem[]; onClose: (deleted: boolean) => void };

/** Deletes the selected files, and those in the selected folders, after a confirmation that names them. */
export default function DeleteDialog({ names, items, onClose }: Props) {
  const [files, setFiles] = useState<FileItem[] | null>(null);
  const [counting, setCounting] = useState(0);
  const [deleted, setDeleted] = useState<number | null>(null);
  const [failed, setFailed] = useState<{ name: string; error: Refused }[]>([]);
  const [thrown, setThrown] = useState<unknown>(null);

  useEffect(() => {
    let wanted = true;
    selectedFiles(names, items, (count) => wanted && setCounting(count)).then(
      (found) => wanted && setFiles(found),
      (error: unknown) => wanted && setThrown(error),
    );
    return () => {
      wanted = false;
    };
  }, [names, items]);

  async function remove(wanted: FileItem[]) {
    setDeleted(0);
    try {
      const refused = await deleteFiles(
        wanted.map(({ name }) => name),
        setDeleted,
      );
      setFailed(refused);
      if (refused.length === 0) onClose(true);
    } catch (error) {
      setThrown(error);
    }
  }

  const close = () => onClose(deleted !== null); // some may be deleted even if it failed
  const size = (files ?? []).reduce((sum, item) => sum + (item.size ?? 0), 0);
  return (
    <Dialog title={titleOf(files)} onClose={close}>
      {thrown !== null && <ErrorMessage thrown={thrown} />}
      {failed.length > 0 && (
        <div className="error-message" role="alert">
          <h2>{counted(failed.length, "file")} could not be deleted.</h2>
          {failed.slice(0, 5).map(({ name, error }) => (
            <p key={name}>
              <bdi>{shown(name)}</bdi>: {error.detail ?? error.message}
            </p>
          ))}
        </div>
      )}
      {thrown === null && failed.length === 0 && (
        <>
          {files === null ? (
            <p role="status">Counting the files … {counting > 0 && counting.toLocaleString()}</p>
          ) : (
            <>
              <NameList names={files.map(({ name }) => name)} />
              <p>{sizeOf(size)}. An administrator can bring deleted files back for 90 days.</p>
            </>
          )}
          {deleted !== null && files && (
            <progress aria-label="Deleting" value={files.length ? deleted / files.length : 1} />
          )}
        </>
      )}
      <div className="actions">
        {thrown === null && failed.length === 0 && (
          <button
            type="button"
            className="main danger"
            disabled={!files?.length || deleted !== null}
            onClick={() => files && remove(files)}
          >
            {deleted === null ? "Delete" : "Deleting …"}
          </button>
        )}
        <button type="button" onClick={close}>
          {thrown === null && failed.length === 0 ? "Cancel" : "Close"}
        </button>
      </div>
    </Dialog>
  );
}

function titleOf(files: FileItem[] | null): string {
  return files ? `Delete ${counted(files.length, "file")}?` : "Delete?";
}
