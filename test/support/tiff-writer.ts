const TYPES = { byte: [1, 1], ascii: [2, 1], short: [3, 2], long: [4, 4], double: [12, 8], long8: [16, 8] } as const;

/** One tag of a directory. */
export interface TiffField {
  readonly tag: number;
  readonly type: keyof typeof TYPES;
  readonly values: readonly number[];
}

/** One directory and its encoded blocks; an empty block is written as sparse (offset and byte count 0). */
export interface TiffDirectory {
  readonly fields: readonly TiffField[];
  readonly blocks: readonly Uint8Array[];
  readonly tiled: boolean;
}

export interface TiffFormat {
  readonly bigEndian: boolean;
  readonly bigTiff: boolean;
}

/** Writes directories in the order given, each followed by its values, then the blocks of the last directory up to those of the first. */
export function writeTiff(directories: readonly TiffDirectory[], format: TiffFormat): Uint8Array {
  const sizes = directories.map((directory) => directorySize(fieldsOf(directory, [], format), format));
  const starts: number[] = [];
  let end = format.bigTiff ? 16 : 8;
  for (const size of sizes) {
    starts.push(end);
    end += size;
  }
  const offsets: number[][] = directories.map(() => []);
  for (let n = directories.length - 1; n >= 0; n -= 1) {
    for (const block of directories[n]!.blocks) {
      offsets[n]!.push(block.length === 0 ? 0 : end);
      end += block.length;
    }
  }
  const bytes = new Uint8Array(end);
  const view = new DataView(bytes.buffer);
  writeHeader(view, starts[0] ?? 0, format);
  for (const [n, directory] of directories.entries()) {
    writeDirectory(view, starts[n]!, starts[n + 1] ?? 0, fieldsOf(directory, offsets[n]!, format), format);
    for (const [b, block] of directory.blocks.entries()) bytes.set(block, offsets[n]![b]);
  }
  return bytes;
}

function fieldsOf(directory: TiffDirectory, offsets: readonly number[], format: TiffFormat): readonly TiffField[] {
  const { blocks, tiled } = directory;
  const type = format.bigTiff ? 'long8' : 'long';
  return [
    ...directory.fields,
    { tag: tiled ? 324 : 273, type, values: blocks.map((_, n) => offsets[n] ?? 0) } as const,
    { tag: tiled ? 325 : 279, type: 'long', values: blocks.map((block) => block.length) } as const,
  ].sort((a, b) => a.tag - b.tag);
}

function valueBytes(field: TiffField): number {
  return TYPES[field.type][1] * field.values.length;
}

function directorySize(fields: readonly TiffField[], { bigTiff }: TiffFormat): number {
  const inline = bigTiff ? 8 : 4;
  const entries = bigTiff ? 8 + fields.length * 20 + 8 : 2 + fields.length * 12 + 4;
  const values = fields.map(valueBytes).filter((size) => size > inline);
  return align(entries) + values.reduce((sum, size) => sum + align(size), 0);
}

function writeHeader(view: DataView, first: number, { bigEndian, bigTiff }: TiffFormat): void {
  const little = !bigEndian;
  view.setUint16(0, bigEndian ? 0x4d4d : 0x4949);
  view.setUint16(2, bigTiff ? 43 : 42, little);
  if (!bigTiff) {
    view.setUint32(4, first, little);
    return;
  }
  view.setUint16(4, 8, little);
  view.setBigUint64(8, BigInt(first), little);
}

function writeDirectory(
  view: DataView,
  start: number,
  next: number,
  fields: readonly TiffField[],
  format: TiffFormat,
): void {
  const { bigTiff } = format;
  const little = !format.bigEndian;
  const entrySize = bigTiff ? 20 : 12;
  const inline = bigTiff ? 8 : 4;
  let at = start + (bigTiff ? 8 : 2);
  if (bigTiff) view.setBigUint64(start, BigInt(fields.length), little);
  else view.setUint16(start, fields.length, little);
  let values = start + align((bigTiff ? 16 : 6) + fields.length * entrySize);
  for (const field of fields) {
    view.setUint16(at, field.tag, little);
    view.setUint16(at + 2, TYPES[field.type][0], little);
    if (bigTiff) view.setBigUint64(at + 4, BigInt(field.values.length), little);
    else view.setUint32(at + 4, field.values.length, little);
    const slot = at + entrySize - inline;
    if (valueBytes(field) <= inline) {
      writeValues(view, slot, field, little);
    } else {
      if (bigTiff) view.setBigUint64(slot, BigInt(values), little);
      else view.setUint32(slot, values, little);
      writeValues(view, values, field, little);
      values += align(valueBytes(field));
    }
    at += entrySize;
  }
  if (bigTiff) view.setBigUint64(at, BigInt(next), little);
  else view.setUint32(at, next, little);
}

function writeValues(view: DataView, offset: number, field: TiffField, little: boolean): void {
  const size = TYPES[field.type][1];
  for (const [n, value] of field.values.entries()) {
    const at = offset + n * size;
    switch (field.type) {
      case 'byte':
      case 'ascii':
        view.setUint8(at, value);
        break;
      case 'short':
        view.setUint16(at, value, little);
        break;
      case 'long':
        view.setUint32(at, value, little);
        break;
      case 'double':
        view.setFloat64(at, value, little);
        break;
      case 'long8':
        view.setBigUint64(at, BigInt(value), little);
        break;
    }
  }
}

/** Values start on even bytes (TIFF 6.0, section 2); eight keeps BigTIFF's aligned too. */
function align(size: number): number {
  return Math.ceil(size / 8) * 8;
}
