import { useMemo } from "react";
import { delimiterOf, parseTable } from "./delimited.ts";
import { counted } from "./wording.ts";

const MOST_ROWS = 500;
const MOST_COLUMNS = 100;

type Props = {
  text: string;
  /** The text ends before the file does. */
  cut: boolean;
  tabs: boolean;
};

/** The first rows of a CSV or TSV file; the first one is the header. */
export default function TablePreview({ text, cut, tabs }: Props) {
  const { header, rows, columns, total } = useMemo(() => readTable(text, cut, tabs), [text, cut, tabs]);
  const missing = [
    (cut || rows.length < total) && `the first ${counted(rows.length, "row")}`,
    columns > MOST_COLUMNS && `${MOST_COLUMNS} of ${columns.toLocaleString()} columns`,
  ].filter(Boolean);
  return (
    <>
      {missing.length > 0 && (
        <p className="notice">This preview shows {missing.join(" and ")}. Download the file to see the rest.</p>
      )}
      <table>
        <thead>
          <tr>
            {header.map((cell, index) => (
              <th key={index} scope="col" dir="auto">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column} dir="auto" className={/^[-+]?[\d., ]*\d%?$/.test(cell) ? "number" : undefined}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function readTable(text: string, cut: boolean, tabs: boolean) {
  const named = /^sep=(.)\r?\n/.exec(text); // as Excel writes it
  const all = parseTable(named ? text.slice(named[0].length) : text, named?.[1] ?? (tabs ? "\t" : delimiterOf(text)));
  if (cut && all.length > 1) all.pop(); // its end is missing
  const columns = all.reduce((most, row) => Math.max(most, row.length), 0);
  const [header = [], ...rows] = all.slice(0, MOST_ROWS + 1).map((row) => row.slice(0, MOST_COLUMNS));
  return { header, rows, columns, total: all.length - 1 };
}
