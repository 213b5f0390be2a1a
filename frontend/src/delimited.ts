/** Return the rows of a table, each with its cells: RFC 4180, with any delimiter and any line break. */
export function parseTable(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length) {
    let cell = "";
    // A quoted cell; a quote that does not start the cell is part of it.
    if (text[at] === '"') {
      let end = text.indexOf('"', at + 1);
      while (end >= 0 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
      if (end < 0) end = text.length;
      cell = text.slice(at + 1, end).replaceAll('""', '"');
      at = end + 1;
    }
    const start = at;
    while (at < text.length && text[at] !== delimiter && text[at] !== "\n" && text[at] !== "\r") at += 1;
    row.push(cell + text.slice(start, at));
    const isLast = text[at] !== delimiter;
    if (text[at] === "\r" && text[at + 1] === "\n") at += 1;
    at += 1;
    if (isLast) {
      rows.push(row);
      row = [];
    } else if (at >= text.length) {
      row.push("");
    }
  }
  if (row.length > 0) rows.push(row);
  return rows;
}

/** Return the delimiter of a table: the one that is most often in its first line, outside quotes. */
export function delimiterOf(text: string): string {
  const line = /^(?:"(?:[^"]|"")*"|[^"\r\n])*/.exec(text.slice(0, 10_000))?.[0].replace(/"(?:[^"]|"")*"/g, "") ?? "";
  const countOf = (delimiter: string) => line.split(delimiter).length;
  return ["\t", ";", "|"].reduce((best, other) => (countOf(other) > countOf(best) ? other : best), ",");
}
