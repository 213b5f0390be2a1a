import { useState } from "react";

/** The selected files and folders, by name. Another folder starts with none. */
export function useSelection(place: string) {
  const [state, setState] = useState({ place, names: new Set<string>(), last: null as string | null });
  const names = state.place === place ? state.names : new Set<string>();

  /** Select or deselect a name; `range` does the same to all between it and the last one, in this order of names. */
  function toggle(name: string, order: string[], range: boolean): void {
    const select = !names.has(name);
    const from = range && state.last !== null ? order.indexOf(state.last) : -1;
    const to = order.indexOf(name);
    const changed = from < 0 ? [name] : order.slice(Math.min(from, to), Math.max(from, to) + 1);
    const next = new Set(names);
    for (const each of changed) next[select ? "add" : "delete"](each);
    setState({ place, names: next, last: name });
  }
  const select = (selected: string[]) => setState({ place, names: new Set(selected), last: null });

  return { names, toggle, select };
}

export type Selection = ReturnType<typeof useSelection>;
