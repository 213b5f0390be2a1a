import { asPageError } from "./page-error.ts";
import { shown } from "./wording.ts";

/** Shows an error and announces it to screen readers; `retry` adds a button. */
export function ErrorMessage({ thrown, retry }: { thrown: unknown; retry?: () => void }) {
  const error = asPageError(thrown);
  return (
    <div className="error-message" role="alert">
      <h2>{error.message}</h2>
      <p>{error.advice}</p>
      {error.detail && <code dir="auto">{shown(error.detail)}</code>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
