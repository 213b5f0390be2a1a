import { type SyntheticEvent, useState } from "react";
import { Dialog } from "../Dialog.tsx";
import { navigate } from "../route.ts";
import { containsSignature } from "../signed-url.ts";

/** Opens a folder that exists from its first file on, because S3 stores only files. */
export function NewFolder({ folder, onClose }: { folder: string; onClose: () => void }) {
  const [problem, setProblem] = useState("");

  function open(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name"));
    const found = problemOf(name);
    setProblem(found);
    if (found) return;
    onClose();
    navigate({ folder: `${folder}${name}/`, search: "", file: null });
  }

  return (
    <Dialog title="New folder" onClose={onClose}>
      <form onSubmit={open} className="new-folder">
        <label>
          <span>Name</span>
          <input
            name="name"
            required
            autoComplete="off"
            spellCheck={false}
            dir="auto"
            aria-invalid={problem !== ""}
            aria-describedby="new-folder-note"
          />
        </label>
        <p id="new-folder-note" role={problem ? "alert" : undefined} className={problem ? "problem" : "quiet"}>
          {problem || "The folder is kept once a file is uploaded into it."}
        </p>
        <div className="actions">
          <button type="submit" className="main">
            Open
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Return why a folder cannot have this name, as the API would, or an empty text. */
function problemOf(name: string): string {
  if (name.includes("/")) return "Leave out the slash; create folders in it one after the other.";
  if (name === "." || name === "..") return "This name is reserved. Choose another one.";
  if (/\p{Cc}/u.test(name)) return "Leave out the characters that cannot be seen.";
  return containsSignature(name) ? "This is a link, not a name." : "";
}
