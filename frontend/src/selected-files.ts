import { type FileItem, listFiles } from "./files.ts";
import { PageError } from "./page-error.ts";

const MOST = 10_000;

/** Return the selected files, and all files in the selected folders. Throws PageError if they are more than 10,000. */
export async function selectedFiles(
  names: Set<string>,
  items: FileItem[],
  onProgress: (count: number) => void,
): Promise<FileItem[]> {
  const found = new Map(items.filter(({ name }) => names.has(name)).map((item) => [item.name, item]));
  for (const folder of names) {
    if (!folder.endsWith("/")) continue;
    let nextToken: string | null = null;
    do {
      const page = await listFiles(folder, nextToken);
      for (const item of page.items) found.set(item.name, item);
      if (found.size > MOST) {
        throw new PageError(
          `The selection has more than ${MOST.toLocaleString()} files.`,
          "Select fewer files, or use the command line.",
        );
      }
      onProgress(found.size);
      ({ nextToken } = page);
    } while (nextToken);
  }
  return [...found.values()];
}
