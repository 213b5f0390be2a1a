/** Says why a file is not shown, and what to do. */
export function Notice({ title, advice }: { title: string; advice: string }) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      <p>{advice}</p>
    </div>
  );
}
