import { useState } from "react";
import type { FileItem } from "./files.ts";

export const ORDERS = {
  name: "Name, A to Z",
  "name-back": "Name, Z to A",
  newest: "Newest first",
  oldest: "Oldest first",
  largest: "Largest first",
  smallest: "Smallest first",
} as const;
export type Order = keyof typeof ORDERS;
/** How files are shown. */
export type Arrangement = { view: "grid" | "list"; order: Order };

const KEY = "arrangement";
const FIRST: Arrangement = { view: "grid", order: "name" };

/** Keep how files are shown, also for the next visit. */
export function useArrangement(): [Arrangement, (change: Partial<Arrangement>) => void] {
  const [arrangement, setArrangement] = useState(stored);
  return [
    arrangement,
    (change) => {
      const next = { ...arrangement, ...change };
      setArrangement(next);
      try {
        localStorage.setItem(KEY, JSON.stringify(next));
      } catch {
        // No storage: the next visit starts with a grid.
      }
    },
  ];
}

/** Return whether the order of the API, which a part of a folder has, is not enough. */
export function needsAll(order: Order): boolean {
  return order !== "name";
}

/** Return files in an order. What is not known comes last; equal ones are in order of their names. */
export function arranged(items: FileItem[], order: Order): FileItem[] {
  if (order === "name") return items;
  if (order === "name-back") return items.toReversed();
  const value = (item: FileItem) =>
    order === "newest" || order === "oldest" ? item.lastModified && Date.parse(item.lastModified) : item.size;
  const sign = order === "newest" || order === "largest" ? -1 : 1;
  return items.toSorted((first, second) => {
    const [one, other] = [value(first), value(second)];
    if (one === null || other === null) return Number(one === null) - Number(other === null);
    return sign * (Number(one) - Number(other));
  });
}

function stored(): Arrangement {
  try {
    const { view, order } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return { view: view === "list" ? "list" : "grid", order: order in ORDERS ? order : FIRST.order };
  } catch {
    return FIRST;
  }
}
