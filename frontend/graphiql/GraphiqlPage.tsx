import { ImagePreview, useEditorContext } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useCallback, useEffect, useMemo, useState } from "react";
import icon from "../public/icon.svg";
import { CallerForm } from "./CallerForm.tsx";
import { type Caller, fetcherFor } from "./caller.ts";
import { EXAMPLES, examplesPlugin } from "./examples.tsx";
import { ResponseLinks } from "./ResponseLinks.tsx";
import { containsSignature } from "../src/signed-url.ts";

// The page's policy allows requests to its own server only; the links below the response open files instead.
ImagePreview.shouldRender = () => false;

const PLUGINS = [examplesPlugin]; // must stay the same array, or GraphiQL opens the pane again

// Keeps tabs and history, except what contains a signed URL.
const STORAGE = {
  get length() {
    return localStorage.length;
  },
  clear: () => localStorage.clear(),
  getItem: (key: string) => localStorage.getItem(key),
  removeItem: (key: string) => localStorage.removeItem(key),
  setItem: (key: string, value: string) => {
    if (!containsSignature(value)) localStorage.setItem(key, value);
  },
};

/** GraphiQL for the API of this machine, the caller on top. */
export function GraphiqlPage() {
  const [caller, setCaller] = useState<Caller>({ kind: "signed out" });
  // GraphiQL opens a pane only if one was chosen before it was mounted: it is mounted again once it has chosen.
  const [paneChosen, setPaneChosen] = useState(false);
  const onPaneChosen = useCallback(() => setPaneChosen(true), []);
  const fetcher = useMemo(() => fetcherFor(caller), [caller]); // a new one makes GraphiQL read the schema

  return (
    <>
      <header className="top">
        <h1>
          <img src={icon} alt="" width="32" height="32" />
          GraphiQL
        </h1>
        <CallerForm onChange={setCaller} />
      </header>
      <main>
        <GraphiQL
          key={String(paneChosen)}
          fetcher={fetcher}
          {...(caller.kind === "signed out" && { schema: null })} // reading it would be refused
          defaultQuery={EXAMPLES[0]?.query ?? ""}
          plugins={PLUGINS}
          visiblePlugin={examplesPlugin}
          onTogglePluginVisibility={onPaneChosen}
          isHeadersEditorEnabled={false}
          shouldPersistHeaders={false}
          storage={STORAGE}
          forcedTheme="system"
        >
          <GraphiQL.Logo>
            <EditorLabels />
          </GraphiQL.Logo>
          <GraphiQL.Footer>
            <ResponseLinks />
          </GraphiQL.Footer>
        </GraphiQL>
      </main>
    </>
  );
}

/** Names GraphiQL's editors for screen readers, which it leaves out. */
function EditorLabels() {
  const { queryEditor, variableEditor, responseEditor } = useEditorContext({ nonNull: true });
  useEffect(() => {
    queryEditor?.getInputField().setAttribute("aria-label", "Query");
    variableEditor?.getInputField().setAttribute("aria-label", "Variables");
    responseEditor?.getInputField().setAttribute("aria-label", "Response");
  }, [queryEditor, variableEditor, responseEditor]);
  return null;
}
