/** One Huffman table as it is stored: codes of 1 to 16 bits, and what they mean. */
interface HuffmanTable {
  readonly counts: Uint8Array;
  readonly values: Uint8Array;
}

/** A component of a frame, with the tables that its scan names. */
interface JpegComponent {
  readonly across: number;
  readonly down: number;
  /** 64 steps in the order of the stream. */
  readonly steps: Uint8Array;
  readonly dc: number;
  readonly ac: number;
}

/** What the segments of a baseline JPEG say, and its one scan. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  readonly components: readonly JpegComponent[];
  /** DC 0, DC 1, AC 0, AC 1; null for one that is not there. */
  readonly tables: readonly (HuffmanTable | null)[];
  /** From behind the scan's header up to the end marker. */
  readonly scan: Uint8Array;
}

interface Parsed {
  readonly steps: (Uint8Array | null)[];
  readonly tables: (HuffmanTable | null)[];
  frame: Uint8Array | null;
}

/**
 * Reads the segments of a block and of the tables that it shares with others.
 *
 * @returns null for anything but one scan of all components in baseline or extended Huffman coding of 8 bits, without
 * restarts, with all its tables and an end: such streams are rare or damaged, and somebody else knows them
 */
export function parseJpegHeader(block: Uint8Array, shared: Uint8Array | null): JpegHeader | null {
  const parsed: Parsed = { steps: [null, null, null, null], tables: [null, null, null, null], frame: null };
  if (shared !== null && parseSegments(shared, parsed) === null) return null;
  const start = parseSegments(block, parsed);
  const { frame } = parsed;
  if (start === null || start === 0 || frame === null || block.at(-2) !== 0xff || block.at(-1) !== 0xd9) return null;
  const count = frame[5]!;
  const scanHeader = block.subarray(start);
  const isWhole = scanHeader[2] === count && frame.length === 6 + 3 * count && frame[0] === 8;
  if (!isWhole || (scanHeader[0]! << 8) + scanHeader[1]! !== 6 + 2 * count) return null;
  const components: JpegComponent[] = [];
  for (let n = 0; n < count; n += 1) {
    const [id, sampling, table] = frame.subarray(6 + 3 * n, 9 + 3 * n);
    const [scanId, sets] = scanHeader.subarray(3 + 2 * n, 5 + 2 * n);
    const steps = parsed.steps[table!] ?? null;
    const [dc, ac] = [sets! >> 4, sets! & 15];
    const [across, down] = [sampling! >> 4, sampling! & 15];
    if (id !== scanId || steps === null || dc > 1 || ac > 1) return null;
    if (across < 1 || across > 4 || down < 1 || down > 4) return null;
    if (parsed.tables[dc] === null || parsed.tables[2 + ac] === null) return null;
    components.push({ across, down, steps, dc, ac });
  }
  const [from, to, approximation] = scanHeader.subarray(3 + 2 * count, 6 + 2 * count);
  if (from !== 0 || to !== 63 || approximation !== 0) return null;
  const scan = block.subarray(start + 6 + 2 * count, -2);
  const [height, width] = [(frame[1]! << 8) + frame[2]!, (frame[3]! << 8) + frame[4]!];
  return { width, height, components, tables: parsed.tables, scan };
}

/** Gives where the segment of the scan begins, behind its marker; 0 if there is no scan, null for what is not read. */
function parseSegments(bytes: Uint8Array, parsed: Parsed): number | null {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return null;
  for (let at = 2; at + 4 <= bytes.length;) {
    const marker = bytes[at + 1]!;
    if (bytes[at] !== 0xff) return null;
    if (marker === 0xda) return at + 2;
    if (marker === 0xd9) return 0;
    const end = at + 2 + (bytes[at + 2]! << 8) + bytes[at + 3]!;
    const content = bytes.subarray(at + 4, end);
    if (end < at + 4 || end > bytes.length) return null;
    if (marker === 0xdb) {
      if (!parseSteps(content, parsed.steps)) return null;
    } else if (marker === 0xc4) {
      if (!parseTables(content, parsed.tables)) return null;
    } else if ((marker === 0xc0 || marker === 0xc1) && parsed.frame === null) {
      parsed.frame = content;
    } else if (marker < 0xe0 && marker !== 0xfe) return null;
    at = end;
  }
  return 0;
}

function parseSteps(content: Uint8Array, steps: (Uint8Array | null)[]): boolean {
  let at = 0;
  // Steps of 16 bits have a 1 in the upper half.
  for (; at + 65 <= content.length && content[at]! < 4; at += 65) {
    steps[content[at]!] = content.subarray(at + 1, at + 65);
  }
  return at === content.length;
}

function parseTables(content: Uint8Array, tables: (HuffmanTable | null)[]): boolean {
  let at = 0;
  while (at + 17 <= content.length) {
    const [kind, position] = [content[at]! >> 4, content[at]! & 15];
    const counts = content.subarray(at + 1, at + 17);
    const length = counts.reduce((sum, count) => sum + count, 0);
    if (kind > 1 || position > 1 || length > 256 || at + 17 + length > content.length) return false;
    const values = content.subarray(at + 17, at + 17 + length);
    // A mean is a number of at most 15 bits.
    if (kind === 0 && values.some((value) => value > 15)) return false;
    tables[kind * 2 + position] = { counts, values };
    at += 17 + length;
  }
  return at === content.length;
}
