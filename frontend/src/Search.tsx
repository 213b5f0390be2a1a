import { useEffect, useRef } from "react";
import { go, type Place } from "./place.ts";

const PAUSE = 200; // milliseconds without a key, after which a person has typed what they meant

/** Narrows a folder to the names that begin with what is typed; it is kept in the address. */
export function Search({ place }: { place: Place }) {
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => {
    if (input.current && input.current.value !== place.search) input.current.value = place.search;
  }, [place.search]);
  useEffect(() => () => clearTimeout(timer.current), []);

  function typed(search: string) {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => go({ ...place, search, file: null }, { replace: true }), PAUSE);
  }

  return (
    <search className="search">
      <input
        ref={input}
        type="search"
        aria-label="Names in this folder that begin with"
        placeholder="Names that begin with …"
        defaultValue={place.search}
        onChange={(event) => typed(event.target.value)}
        autoComplete="off"
        spellCheck={false}
        dir="auto"
      />
    </search>
  );
}
