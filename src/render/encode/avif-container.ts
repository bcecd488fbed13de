/** A box of the ISO base media file format (ISO 14496-12): its type, and where in the file its content lies. */
interface Box {
  readonly type: string;
  /** The box as it is, with its head. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

/** An image in a file: what its decoder has to know, and its coded samples. */
interface Item {
  readonly properties: readonly Property[];
  readonly data: Buffer;
}

interface Property {
  readonly box: Buffer;
  /** A reader that does not know the property must not show the image. */
  readonly isEssential: boolean;
}

const COLOUR_ID = 1;
const ALPHA_ID = 2;

/**
 * Makes one AVIF file of the colours of one and the transparency of another, both of one size; neither is coded again.
 * libheif codes both at one quality, so that a mask comes exact only out of a lossless file.
 *
 * Reads files as libheif writes them: one image, and at most one of transparency beside it.
 *
 * @see HEIF (ISO 23008-12) and AVIF 1.1, https://aomediacodec.github.io/av1-avif/
 */
export function joinAvif(colourFile: Uint8Array, alphaFile: Uint8Array): Uint8Array {
  const head = readBoxes(bufferOf(colourFile));
  const colour = readItem(bufferOf(colourFile), COLOUR_ID);
  const alpha = readItem(bufferOf(alphaFile), ALPHA_ID);
  const fileType = find(head, 'ftyp').whole;
  const handler = find(metaBoxes(head), 'hdlr').whole;
  const items = [colour, alpha];
  const sizeOfHead = fileType.length + writeMeta(handler, items, 0).length + 8;
  const data = writeBox('mdat', ...items.map((item) => item.data));
  return Buffer.concat([fileType, writeMeta(handler, items, sizeOfHead), data]);
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

function readBoxes(bytes: Buffer): readonly Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = bytes.readUInt32BE(at);
    if (size < 8 || at + size > bytes.length) throw new RangeError(`Reading an AVIF file: a box of ${size} bytes`);
    const whole = bytes.subarray(at, at + size);
    boxes.push({ type: whole.toString('latin1', 4, 8), whole, content: whole.subarray(8) });
    at += size;
  }
  return boxes;
}

function find(boxes: readonly Box[], type: string): Box {
  const found = boxes.find((box) => box.type === type);
  if (found === undefined) throw new RangeError(`Reading an AVIF file: it has no ${type}`);
  return found;
}

/** What lies in `meta`, after version and flags. */
function metaBoxes(head: readonly Box[]): readonly Box[] {
  return readBoxes(find(head, 'meta').content.subarray(4));
}

function readItem(file: Buffer, id: number): Item {
  const meta = metaBoxes(readBoxes(file));
  const properties = readBoxes(find(meta, 'iprp').content);
  const boxes = readBoxes(find(properties, 'ipco').content);
  return {
    data: readData(file, find(meta, 'iloc').content, id),
    properties: readAssociations(find(properties, 'ipma').content, id).map((association) => ({
      // Counted from 1; the highest bit is not part of the number.
      box: boxes[(association & 127) - 1]!.whole,
      isEssential: association > 127,
    })),
  };
}

/** `iloc`, version 0: 4 bytes each for offset, length and base offset, as libheif writes it. */
function readData(file: Buffer, locations: Buffer, id: number): Buffer {
  if (locations.readUInt32BE(0) !== 0 || locations.readUInt16BE(4) !== 0x4440) {
    throw new RangeError('Reading an AVIF file: its iloc is not of the expected form');
  }
  let at = 8;
  for (let left = locations.readUInt16BE(6); left > 0; left--) {
    const base = locations.readUInt32BE(at + 4);
    const extents = locations.readUInt16BE(at + 8);
    if (locations.readUInt16BE(at) === id && extents === 1) {
      const from = base + locations.readUInt32BE(at + 10);
      return file.subarray(from, from + locations.readUInt32BE(at + 14));
    }
    at += 10 + 8 * extents;
  }
  throw new RangeError(`Reading an AVIF file: image ${id} is not in one piece`);
}

/** `ipma`, version 0: a byte for each property of an image. */
function readAssociations(associations: Buffer, id: number): readonly number[] {
  if (associations.readUInt32BE(0) !== 0) throw new RangeError('Reading an AVIF file: its ipma is not of version 0');
  let at = 8;
  for (let left = associations.readUInt32BE(4); left > 0; left--) {
    const from = at + 3;
    const end = from + associations[at + 2]!;
    if (associations.readUInt16BE(at) === id) return [...associations.subarray(from, end)];
    at = end;
  }
  throw new RangeError(`Reading an AVIF file: there is no image ${id}`);
}

/** `meta` of a colour image and its transparency, whose data lie one after the other from `dataAt` on. */
function writeMeta(handler: Buffer, items: readonly Item[], dataAt: number): Buffer {
  const boxes: Buffer[] = [];
  const associations = items.map(({ properties }, n) => {
    const places = properties.map(({ box, isEssential }) => {
      let place = boxes.findIndex((known) => known.equals(box));
      if (place === -1) place = boxes.push(box) - 1;
      return (isEssential ? 128 : 0) + place + 1;
    });
    return Buffer.concat([words(COLOUR_ID + n), Buffer.from([places.length, ...places])]);
  });
  let at = dataAt;
  const locations = items.map(({ data }, n) => {
    at += data.length;
    return Buffer.concat([words(COLOUR_ID + n, 0, 1), longs(at - data.length, data.length)]);
  });
  // No hidden flag on the alpha image: that it is auxiliary says iref.
  const entries = items.map((_, n) =>
    writeBox('infe', longs(0x02000000), words(COLOUR_ID + n, 0), Buffer.from('av01\0', 'latin1')),
  );
  return writeBox(
    'meta',
    longs(0),
    handler,
    writeBox('pitm', longs(0), words(COLOUR_ID)),
    writeBox('iloc', longs(0), words(0x4400, items.length), ...locations),
    writeBox('iinf', longs(0), words(items.length), ...entries),
    writeBox('iref', longs(0), writeBox('auxl', words(ALPHA_ID, 1, COLOUR_ID))),
    writeBox('iprp', writeBox('ipco', ...boxes), writeBox('ipma', longs(0), longs(items.length), ...associations)),
  );
}

function writeBox(type: string, ...parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([longs(size), Buffer.from(type, 'latin1'), ...parts]);
}

/** Numbers of 16 bits, highest byte first. */
function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, n) => bytes.writeUInt16BE(value, 2 * n));
  return bytes;
}

/** Numbers of 32 bits, highest byte first. */
function longs(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, n) => bytes.writeUInt32BE(value, 4 * n));
  return bytes;
}
