import { type GraphiQLPlugin, useEditorContext, useExecutionContext } from "@graphiql/react";
import text from "../../examples.graphql?raw";

/** The operations in `examples.graphql`: separated by an empty line, each below a comment with its title. */
export const EXAMPLES = text
  .split(/\n{2,}/)
  .map((query) => query.trim())
  .map((query) => ({ title: /^#\s*(.*)/.exec(query)?.[1] ?? query, query }));

/** A pane of GraphiQL that runs an example with one click. */
export const examplesPlugin: GraphiQLPlugin = { title: "Examples", icon: Icon, content: Examples };

function Examples() {
  const { queryEditor, variableEditor, responseEditor, setOperationName } = useEditorContext({ nonNull: true });
  const { run } = useExecutionContext({ nonNull: true });

  function show(query: string) {
    queryEditor?.setValue(query);
    variableEditor?.setValue("");
    setOperationName(/^query (\w+)/m.exec(query)?.[1] ?? ""); // which names it in the history
    run();
  }

  return (
    <section className="examples" aria-labelledby="examples-title">
      <h2 id="examples-title">Examples</h2>
      <ul>
        {EXAMPLES.map(({ title, query }) => (
          <li key={title}>
            <button
              type="button"
              disabled={!queryEditor || !variableEditor || !responseEditor}
              onClick={() => show(query)}
            >
              {title}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Icon() {
  return (
    <svg
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path d="M2 3.5h1M2 8h1M2 12.5h1M6 3.5h8M6 8h8M6 12.5h8" />
    </svg>
  );
}
