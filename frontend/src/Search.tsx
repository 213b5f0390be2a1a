import { useEffect, useRef, useState } from "react";
import { navigate, type Route } from "./route.ts";
import { containsSignature } from "./signed-url.ts";

const PAUSE = 200; // milliseconds after the last key before the search starts

/** The text to search for below a folder, which is kept in the address. */
export function Search({ route }: { route: Route }) {
  const input = useRef<HTMLInputElement>(null);
  const [pasted, setPasted] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  useEffect(() => {
    if (input.current && input.current.value !== route.search) input.current.value = route.search;
  }, [route.search]);
  useEffect(() => () => clearTimeout(timer.current), []);

  function searchLater(search: string) {
    clearTimeout(timer.current);
    // A signed URL opens a file for whoever sees it: it is neither sent nor kept in the address.
    const isSigned = containsSignature(search);
    setPasted(isSigned);
    if (isSigned && input.current) input.current.value = route.search;
    if (isSigned) return;
    timer.current = setTimeout(() => navigate({ ...route, search, file: null }, { replace: true }), PAUSE);
  }

  return (
    <search className="search">
      <input
        ref={input}
        type="search"
        aria-label="Search this folder and the folders in it"
        placeholder="Search …"
        defaultValue={route.search}
        onChange={(event) => searchLater(event.target.value)}
        autoComplete="off"
        spellCheck={false}
        dir="auto"
      />
      {pasted && <p role="alert">This is a link, not a name. Paste it into the address bar of a new tab.</p>}
    </search>
  );
}
