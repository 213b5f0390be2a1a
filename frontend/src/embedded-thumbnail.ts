const LONGEST_SEGMENT = 65_535;

/** How many bytes of a picture contain its thumbnail: Exif data is one of the first segments. */
export const THUMBNAIL_BYTES = LONGEST_SEGMENT + 1;

/**
 * Return the thumbnail that cameras put into the first bytes of a JPEG, a JPEG itself, or null if there is none.
 * https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf, 4.5 and 4.6
 */
export function embeddedThumbnail(bytes: Uint8Array<ArrayBuffer>): Blob | null {
  try {
    return thumbnailOf(bytes);
  } catch (error) {
    if (error instanceof RangeError) return null; // damaged: an offset leads past the end
    throw error;
  }
}

function thumbnailOf(bytes: Uint8Array<ArrayBuffer>): Blob | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  while (view.getUint16(at) !== 0xffe1 || view.getUint32(at + 4) !== EXIF) {
    if (view.getUint8(at) !== 0xff || view.getUint16(at) === START_OF_SCAN) return null;
    at += 2 + view.getUint16(at + 2);
  }
  const tiff = at + 10;
  const little = view.getUint16(tiff) === 0x4949;
  const [first, next] = directory(view, tiff, view.getUint32(tiff + 4, little), little);
  if (next === 0) return null;
  const [second] = directory(view, tiff, next, little);
  const [start, length] = [second.get(0x0201), second.get(0x0202)];
  if (start === undefined || !length) return null;
  const jpeg = bytes.subarray(tiff + start, tiff + start + length);
  if (jpeg.length !== length || jpeg[0] !== 0xff || jpeg[1] !== 0xd8) return null;
  // The thumbnail is turned as the picture is, which only the data of the picture says.
  return new Blob([turned(first.get(0x0112) ?? 1), jpeg.subarray(2)], { type: "image/jpeg" });
}

const EXIF = 0x45786966;
const START_OF_SCAN = 0xffda;

/** Return the numbers of a directory by their tags, and where the next directory starts: 0 after the last. */
function directory(view: DataView, tiff: number, offset: number, little: boolean): [Map<number, number>, number] {
  const count = view.getUint16(tiff + offset, little);
  const numbers = new Map<number, number>();
  for (let entry = tiff + offset + 2, end = entry + 12 * count; entry < end; entry += 12) {
    const isShort = view.getUint16(entry + 2, little) === 3;
    const value = isShort ? view.getUint16(entry + 8, little) : view.getUint32(entry + 8, little);
    numbers.set(view.getUint16(entry, little), value);
  }
  return [numbers, view.getUint32(tiff + offset + 2 + 12 * count, little)];
}

/** Return the start of a JPEG with this Exif orientation, 1 to 8. */
function turned(orientation: number): Uint8Array<ArrayBuffer> {
  const start = "ffd8ffe1002245786966" + "00004d4d002a00000008" + "00010112000300000001" + "000100000000" + "0000";
  const bytes = Uint8Array.from(start.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  bytes[31] = orientation;
  return bytes;
}
