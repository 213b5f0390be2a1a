import { type MarkedToken, marked, type Token, type Tokens } from "marked";
import { createElement, type ReactNode, useMemo } from "react";

const LONGEST = 100_000; // characters
const MARKS = /[*_~[]/;
const MOST_MARKS = 500; // in a paragraph
const NESTED = /^(?:[ \t]*(?:>|(?:[*+-]|\d{1,9}[.)])[ \t])){40}/m; // in one line
const DEEPEST = 40; // quotes and lists in one another
/** What Markdown files use; the browser would know all of them, but only for HTML. */
const ENTITIES: Record<string, string> = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", reg: "®", trade: "™", hellip: "…",
  mdash: "—", ndash: "–", lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”", laquo: "«", raquo: "»", bull: "•",
  middot: "·", rarr: "→", larr: "←", times: "×", deg: "°", euro: "€", pound: "£", sect: "§", shy: "\u00ad",
}; // prettier-ignore

/** Markdown as elements: without HTML, without images, and with links to https and mailto only. */
export default function MarkdownPreview({ text, source }: { text: string; source: ReactNode }) {
  const tokens = useMemo(() => tokensOf(text), [text]);
  if (!tokens) return source;
  return (
    <article className="markdown" dir="auto">
      {elements(tokens, 0)}
    </article>
  );
}

/**
 * Return the tokens of a text, or null if it is nested too deeply, or could take longer than a few seconds: the time for
 * emphasis and links grows with the square of their number in a paragraph. `_a` 100,000 times would take minutes.
 */
function tokensOf(text: string): Token[] | null {
  const isSlow = (paragraph: string) => paragraph.split(MARKS).length > MOST_MARKS;
  if (text.length > LONGEST || NESTED.test(text) || text.split(/\n\s*\n/).some(isSlow)) return null;
  try {
    return marked.lexer(text);
  } catch {
    return null;
  }
}

function elements(tokens: Token[] | undefined, depth: number): ReactNode {
  if (depth > DEEPEST) return tokens?.map(({ raw }) => raw).join("");
  return tokens?.map((token, index) => <Piece key={index} token={token as MarkedToken} depth={depth + 1} />);
}

function Piece({ token, depth }: { token: MarkedToken; depth: number }): ReactNode {
  switch (token.type) {
    case "heading": // the name of the file is the heading above them, of level 2
      return createElement(`h${Math.min(token.depth + 2, 6)}`, null, elements(token.tokens, depth));
    case "paragraph":
      return <p>{elements(token.tokens, depth)}</p>;
    case "list":
      return <List list={token} depth={depth} />;
    case "blockquote":
      return <blockquote>{elements(token.tokens, depth)}</blockquote>;
    case "code":
      return (
        <pre dir="ltr">
          <code>{token.text}</code>
        </pre>
      );
    case "table":
      return <Table table={token} depth={depth} />;
    case "hr":
      return <hr />;
    case "br":
      return <br />;
    case "strong":
    case "em":
    case "del":
      return createElement(token.type, null, elements(token.tokens, depth));
    case "codespan":
      return <code>{token.text}</code>;
    case "link":
      return <Link link={token}>{elements(token.tokens, depth)}</Link>;
    case "image":
      return <span className="quiet">[Image: {decoded(token.text) || "without a description"}]</span>;
    case "checkbox":
      return <input type="checkbox" checked={token.checked} disabled aria-label={token.checked ? "Done" : "To do"} />;
    case "html":
      return /^<br\s*\/?>$/i.test(token.text) ? <br /> : token.text.replace(/<!--[^]*?-->/g, "").trim();
    case "text":
      if (token.tokens) return elements(token.tokens, depth);
      return token.escaped === undefined ? token.text : decoded(token.text); // undefined: the text of an address
    case "escape":
      return token.text;
    default: // white space, and the definitions of links
      return null;
  }
}

function List({ list, depth }: { list: Tokens.List; depth: number }) {
  const items = list.items.map((item, index) => (
    <li key={index} className={item.task ? "task" : undefined}>
      {elements(item.tokens, depth)}
    </li>
  ));
  return list.ordered ? <ol start={list.start || 0}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table, depth }: { table: Tokens.Table; depth: number }) {
  return (
    <table>
      <thead>
        <tr>
          {table.header.map((cell, index) => (
            <th key={index} scope="col" className={cell.align ?? undefined}>
              {elements(cell.tokens, depth)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.rows.map((row, index) => (
          <tr key={index}>
            {row.map((cell, column) => (
              <td key={column} className={cell.align ?? undefined}>
                {elements(cell.tokens, depth)}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Link({ link, children }: { link: Tokens.Link; children: ReactNode }) {
  const href = link.autolink ? link.href : decoded(link.href);
  const allowed = URL.canParse(href) && /^(https|mailto):$/.test(new URL(href).protocol);
  if (!allowed) return <span title={href}>{children}</span>;
  return (
    <a href={href} title={href} target="_blank" rel="noreferrer noopener nofollow">
      {children}
    </a>
  );
}

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (entity, decimal, hexadecimal, name) => {
    if (name) return ENTITIES[name] ?? entity;
    const point = decimal ? Number(decimal) : Number.parseInt(hexadecimal, 16);
    return point > 0 && point <= 0x10ffff && !(point >= 0xd800 && point < 0xe000)
      ? String.fromCodePoint(point)
      : "\ufffd";
  });
}
