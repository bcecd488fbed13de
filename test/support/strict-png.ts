import { inflateSync } from 'node:zlib';

/** A PNG file read to the letter: header and pixels, row-major. */
export interface StrictPng {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  readonly colourType: number;
  /** Types of the chunks in order. */
  readonly chunks: readonly string[];
  /** Red, green, blue, alpha of 8 bits; of 16 bits the higher byte. */
  readonly rgba: Uint8Array;
  /** As they are in the file, bands interleaved: indices, or samples of 8 or 16 bits. */
  readonly samples: Uint8Array | Uint16Array;
  /** Entries with their alpha; none without a palette. */
  readonly palette: readonly (readonly number[])[];
}

const SIGNATURE = '89504e470d0a1a0a';
const BANDS_BY_COLOUR_TYPE: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Reads a PNG of 8 or 16 bits a sample or a palette of 1 to 8 bits, not interlaced, and fails at anything that the standard
 * forbids or leaves over: checksums, order of chunks, bytes behind the last one, behind the zlib stream or in the last
 * byte of a packed row, indices beyond the palette. Independent of the encoder: only the inflation is node's.
 *
 * @see ISO/IEC 15948:2004
 */
export function readStrictPng(file: Uint8Array): StrictPng {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  expectEqual(Buffer.from(file.subarray(0, 8)).toString('hex'), SIGNATURE, 'signature');
  const chunks = new Map<string, Uint8Array>();
  let at = 8;
  while (at < file.length) {
    const length = view.getUint32(at);
    const type = Buffer.from(file.subarray(at + 4, at + 8)).toString('latin1');
    expectEqual(view.getUint32(at + 8 + length), crcOf(file.subarray(at + 4, at + 8 + length)), `checksum of ${type}`);
    expectEqual(chunks.has(type), false, `a second ${type}`);
    chunks.set(type, file.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  expectEqual(at, file.length, 'end of the file');
  const types = [...chunks.keys()];
  const expected = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'].filter((type) => chunks.has(type));
  expectEqual(types.join(), expected.join(), 'chunks');
  expectEqual(chunks.get('IEND')?.length, 0, 'length of IEND');
  const header = chunks.get('IHDR')!;
  expectEqual(header.length, 13, 'length of IHDR');
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const [bitDepth, colourType] = [header[8]!, header[9]!];
  expectEqual([...header.subarray(10)].join(), '0,0,0', 'compression, filter method and interlacing');
  expectEqual(chunks.has('PLTE'), colourType === 3, 'presence of a palette');
  const bands = BANDS_BY_COLOUR_TYPE[colourType]!;
  const rowBytes = Math.ceil((width * bands * bitDepth) / 8);
  const rows = unfilter(inflateStrictly(chunks.get('IDAT')!), rowBytes, height, Math.ceil((bands * bitDepth) / 8));
  const samples = unpack(rows, rowBytes, width * bands, height, bitDepth);
  const rgba = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const pixel = [...samples.subarray(i * bands, (i + 1) * bands)];
    const [first, second, third, fourth] = bitDepth === 16 ? pixel.map((sample) => sample >> 8) : pixel;
    if (colourType === 3) rgba.set(entryOf(chunks, first!), 4 * i);
    else if (bands <= 2) rgba.set([first!, first!, first!, second ?? 255], 4 * i);
    else rgba.set([first!, second!, third!, fourth ?? 255], 4 * i);
  }
  const entries = (chunks.get('PLTE')?.length ?? 0) / 3;
  const palette = Array.from({ length: entries }, (_, n) => entryOf(chunks, n));
  return { width, height, bitDepth, colourType, chunks: types, rgba, samples, palette };
}

function expectEqual(found: unknown, expected: unknown, what: string): void {
  if (found !== expected) throw new Error(`PNG: ${what} is ${String(found)}, expected ${String(expected)}`);
}

function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** Inflates a zlib stream that ends where the bytes end; checks its Adler-32 a second time, by the definition. */
function inflateStrictly(stream: Uint8Array): Uint8Array {
  const { buffer, engine } = inflateSync(stream, { info: true }) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  expectEqual(engine.bytesWritten, stream.length, 'end of the zlib stream');
  let [a, b] = [1, 0];
  for (const byte of buffer) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  const trailer = new DataView(stream.buffer, stream.byteOffset + stream.length - 4).getUint32(0);
  expectEqual(trailer, b * 65_536 + a, 'Adler-32');
  return buffer;
}

function unfilter(filtered: Uint8Array, rowBytes: number, height: number, pixelBytes: number): Uint8Array {
  expectEqual(filtered.length, (rowBytes + 1) * height, 'length of the rows');
  const rows = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = filtered[y * (rowBytes + 1)]!;
    for (let x = 0; x < rowBytes; x++) {
      const i = y * rowBytes + x;
      const left = x >= pixelBytes ? rows[i - pixelBytes]! : 0;
      const up = y > 0 ? rows[i - rowBytes]! : 0;
      const corner = x >= pixelBytes && y > 0 ? rows[i - rowBytes - pixelBytes]! : 0;
      rows[i] = filtered[y * (rowBytes + 1) + 1 + x]! + predictionOf(filter, left, up, corner);
    }
  }
  return rows;
}

function predictionOf(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return Math.floor((left + up) / 2);
  expectEqual(filter, 4, 'filter');
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function unpack(
  rows: Uint8Array,
  rowBytes: number,
  perRow: number,
  height: number,
  bitDepth: number,
): Uint8Array | Uint16Array {
  if (bitDepth === 8) return rows;
  if (bitDepth === 16)
    return Uint16Array.from({ length: perRow * height }, (_, i) => 256 * rows[2 * i]! + rows[2 * i + 1]!);
  const perByte = 8 / bitDepth;
  const samples = new Uint8Array(perRow * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < rowBytes * perByte; x++) {
      const shift = 8 - bitDepth * (1 + (x % perByte));
      const value = (rows[y * rowBytes + Math.floor(x / perByte)]! >> shift) & (2 ** bitDepth - 1);
      if (x < perRow) samples[y * perRow + x] = value;
      else expectEqual(value, 0, 'the rest of a packed row');
    }
  }
  return samples;
}

function entryOf(chunks: ReadonlyMap<string, Uint8Array>, index: number): readonly number[] {
  const palette = chunks.get('PLTE')!;
  expectEqual(palette.length % 3, 0, 'rest of the palette');
  expectEqual(index < palette.length / 3, true, 'an index within the palette');
  return [...palette.subarray(3 * index, 3 * index + 3), chunks.get('tRNS')?.[index] ?? 255];
}
