/** The page while it loads: the same as index.html, so that nothing moves when the script takes over. */
export function Waiting() {
  return (
    <>
      <header className="top">
        <span className="brand">
          <img src="./icon.svg" alt="" width="32" height="32" />
          Private files
        </span>
      </header>
      <main aria-busy="true">
        <p className="waiting" role="status">
          Loading …
        </p>
        <Skeleton />
      </main>
    </>
  );
}

/** Tiles in the place of files. */
export function Skeleton() {
  return (
    <div className="files skeleton" aria-hidden="true">
      {["a", "b", "c", "d", "e", "f"].map((tile) => (
        <div key={tile} className="tile" />
      ))}
    </div>
  );
}
