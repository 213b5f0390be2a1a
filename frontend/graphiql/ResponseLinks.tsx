import { useEditorContext, useExecutionContext } from "@graphiql/react";
import { shown } from "../src/wording.ts";

/** What the response leads to: the files of its URLs, and the next page of its list. */
export function ResponseLinks() {
  const { tabs, activeTabIndex, queryEditor, variableEditor } = useEditorContext({ nonNull: true });
  const { run } = useExecutionContext({ nonNull: true });
  const response = tabs[activeTabIndex]?.response ?? "";
  const urls = urlsIn(response);
  const nextToken = /\$nextToken\b/.test(queryEditor?.getValue() ?? "") ? nextTokenIn(response) : null;
  if (!urls.length && !nextToken) return null;

  function showNextPage() {
    const variables = JSON.parse(variableEditor?.getValue() || "{}");
    variableEditor?.setValue(JSON.stringify({ ...variables, nextToken }, null, 2));
    run();
  }

  return (
    <nav className="links" aria-label="Links in the response">
      {urls.map((url) => (
        <a key={url} href={url} target="_blank" rel="noreferrer">
          {nameIn(url)}
        </a>
      ))}
      {nextToken && (
        <button type="button" onClick={showNextPage}>
          Next page
        </button>
      )}
    </nav>
  );
}

function urlsIn(response: string): string[] {
  return [...new Set(response.match(/(?<=")https?:\/\/[^"\s]+/g))];
}

function nameIn(url: string): string {
  const path = URL.parse(url)?.pathname.slice(1) || "file"; // the rest is a secret
  try {
    return shown(decodeURIComponent(path));
  } catch {
    return path;
  }
}

/** Return the token if the response has exactly one list with more pages. */
function nextTokenIn(response: string): string | null {
  try {
    const lists = Object.values(JSON.parse(response).data ?? {}) as ({ nextToken?: string | null } | null)[];
    const tokens = lists.map((list) => list?.nextToken).filter((token) => typeof token === "string");
    return tokens.length === 1 ? (tokens[0] ?? null) : null;
  } catch {
    return null;
  }
}
