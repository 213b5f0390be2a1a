/** A file to upload: its path below the folder that it goes into, `photos/a.jpg`, and its content. */
export type Chosen = { path: string; file: File };

/** What was dropped or chosen: the files, and the folders without files, which cannot be uploaded. */
export type Choice = { files: Chosen[]; empty: string[] };

/** Return the files of a drop, also those in dropped folders. Call it in the event's handler, not later. */
export async function droppedFiles(transfer: DataTransfer): Promise<Choice> {
  // All entries are taken before anything is awaited: afterwards the list is empty.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const choice: Choice = { files: [], empty: [] };
  for (const entry of entries) await collect(entry, choice);
  return choice;
}

/** Return the files that were chosen in an `<input type="file">`, with their folders if it chooses folders. */
export function chosenFiles(input: HTMLInputElement): Choice {
  return {
    files: [...(input.files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })),
    empty: [],
  };
}

async function collect(entry: FileSystemEntry, choice: Choice): Promise<void> {
  const path = entry.fullPath.replace(/^\//, "");
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    choice.files.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  let count = 0;
  for (;;) {
    // Returns up to 100 entries at a time, and none at the end.
    const batch = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (batch.length === 0) break;
    count += batch.length;
    for (const each of batch) await collect(each, choice);
  }
  if (count === 0) choice.empty.push(path);
}
