import { asTrouble } from "./trouble.ts";

/** Says what went wrong and what to do, aloud too; `retry` is the button that tries again. */
export function TroubleBox({ thrown, retry }: { thrown: unknown; retry?: () => void }) {
  const trouble = asTrouble(thrown);
  return (
    <div className="trouble" role="alert">
      <h2>{trouble.message}</h2>
      <p>{trouble.advice}</p>
      {trouble.detail && <code>{trouble.detail}</code>}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}
