import { useEffect, useState } from "react";
import { type FileItem, listFiles } from "./files.ts";

/** `read` names have been compared; `done` if there are no more. */
export type Scan = { found: FileItem[]; read: number; done: boolean; running: boolean; thrown: unknown };

type Names = { items: FileItem[]; nextToken: string | null; root: number };

const NOTHING: Names = { items: [], nextToken: null, root: 0 };
const READ_AT_A_TIME = 20_000; // names, after which the user decides whether to go on

/**
 * Search below these folders for files whose names contain a text, in any case and any spelling of accents.
 *
 * S3 finds names only by their start, so all names are read, 1,000 at a time. They are kept while the text changes.
 */
export function useSearch(roots: string[], folder: string, text: string) {
  const key = JSON.stringify(roots);
  const [names, setNames] = useState({ key, ...NOTHING });
  const [goal, setGoal] = useState(READ_AT_A_TIME);
  const [stopped, setStopped] = useState(false);
  const [thrown, setThrown] = useState<unknown>(null);
  const current = names.key === key ? names : { key, ...NOTHING };
  const done = current.root >= roots.length;
  const wanted = text !== "" && !done && !stopped && thrown === null && current.items.length < goal;

  useEffect(() => {
    setGoal(READ_AT_A_TIME);
    setStopped(false);
    setThrown(null);
  }, [key, text]);
  useEffect(() => {
    if (!wanted) return;
    let expected = true; // until the folder changes or the user stops
    const { root, nextToken, items } = current;
    void listFiles((JSON.parse(key) as string[])[root] ?? "", nextToken).then(
      (page) => {
        const next = page.nextToken ? root : root + 1;
        if (expected) setNames({ key, items: [...items, ...page.items], nextToken: page.nextToken, root: next });
      },
      (error: unknown) => expected && setThrown(error),
    );
    return () => {
      expected = false;
    };
    // `current` changes with these only.
  }, [wanted, key, current.root, current.nextToken]);

  const pattern = folded(text);
  const found =
    text === "" ? [] : current.items.filter(({ name }) => folded(name.slice(folder.length)).includes(pattern));
  const scan: Scan = { found, read: current.items.length, done, running: wanted, thrown };
  return {
    ...scan,
    /** Read the names again, because files were uploaded or deleted. */
    again: () => setNames({ key, ...NOTHING }),
    stop: () => setStopped(true),
    goOn: () => {
      setStopped(false);
      setThrown(null);
      setGoal((before) => Math.max(before, current.items.length) + READ_AT_A_TIME);
    },
  };
}

/** Return a text so that two are equal if they differ in case or in the spelling of accents only. */
function folded(text: string): string {
  return text.normalize("NFC").toLowerCase().normalize("NFC");
}

export type Search = ReturnType<typeof useSearch>;
