const CONTROLS = /[\0-\x08\x0e-\x1a\x1c-\x1f]/; // not tab, line breaks, and the escape character of coloured logs

/**
 * Return the text of these bytes, or null if they are binary. `cut` says that the file goes on after them.
 *
 * A byte order mark names the encoding. Without one it is UTF-8 if the bytes are valid UTF-8, else Windows-1252, which
 * contains Latin-1. The charset of the content type is not used: it is chosen by name, without a look at the content.
 */
export function decoded(bytes: Uint8Array, cut: boolean): string | null {
  const [first, second] = bytes;
  const marked = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : null;
  const text = marked ? new TextDecoder(marked).decode(bytes, { stream: cut }) : utf8(bytes, cut);
  if (text !== null) return text.includes("\0") ? null : text;
  const old = new TextDecoder("windows-1252").decode(bytes);
  return CONTROLS.test(old) ? null : old;
}

function utf8(bytes: Uint8Array, cut: boolean): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: cut }); // the last character may be cut
  } catch {
    return null;
  }
}
