/** Numbers from 0 up to, but without, 1; the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Where the parts of a TIFF lie that are worth damaging: an undamaged one, as `writeTiff` and GDAL write it. */
interface Anatomy {
  readonly view: DataView;
  readonly little: boolean;
  readonly bigTiff: boolean;
  /** Where each entry of each directory begins. */
  readonly entries: readonly number[];
  /** Where each directory says where the next one is. */
  readonly links: readonly number[];
  /** Where each number of scales, tiepoints and matrices lies. */
  readonly places: readonly number[];
  /** The lists of block offsets and sizes that do not fit into their entry. */
  readonly lists: readonly { readonly at: number; readonly size: number; readonly count: number }[];
}

type Mutation = (tiff: Anatomy, random: () => number) => void;

/** Numbers at which counts, sizes and offsets break. */
const ODD_NUMBERS = [
  0, 1, 2, 3, 7, 8, 15, 16, 17, 255, 256, 4095, 32_767, 32_768, 65_535, 65_536, 1e6, 0x7fff_ffff, 0x8000_0000,
  0xffff_fff0, 0xffff_ffff,
];

/** Coordinates at which arithmetic breaks. */
const ODD_PLACES = [
  0,
  -0,
  1e-300,
  -1,
  90,
  179.9,
  180,
  360,
  1e5,
  2e7,
  1e12,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];

/** Tags that decide what the rest means, with values that are meant for something else. */
const TAGS = [
  254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 317, 320, 322, 323, 324, 325, 338, 339, 347, 33550,
  33922, 34264, 34735, 34736, 34737, 42112, 42113,
];
const TAG_VALUES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 24, 32, 64, 32773, 34887, 34925, 50000, 50001, 50002];

const MUTATIONS: readonly Mutation[] = [
  // Bits anywhere, and in front, where they matter more.
  ({ view }, random) => flip(view, below(random, view.byteLength), random),
  ({ view }, random) => flip(view, below(random, Math.min(view.byteLength, 1200)), random),
  ({ view }, random) => {
    for (let n = below(random, 40); n >= 0; n -= 1) flip(view, below(random, view.byteLength), random);
  },
  // A field of an entry: its tag, type, count or value.
  (tiff, random) => setPart(tiff, random, 0, 2, pick(TAGS, random)),
  (tiff, random) => setPart(tiff, random, 2, 2, below(random, 20)),
  (tiff, random) => setPart(tiff, random, 4, tiff.bigTiff ? 8 : 4, pick(ODD_NUMBERS, random)),
  (tiff, random) => setPart(tiff, random, tiff.bigTiff ? 12 : 8, tiff.bigTiff ? 8 : 4, pick(ODD_NUMBERS, random)),
  (tiff, random) => setPart(tiff, random, tiff.bigTiff ? 12 : 8, 2, pick(TAG_VALUES, random)),
  (tiff, random) => setPart(tiff, random, tiff.bigTiff ? 12 : 8, 4, below(random, tiff.view.byteLength * 2)),
  // Two entries change places, or share what is in them.
  (tiff, random) => exchange(tiff.view, pick(tiff.entries, random), pick(tiff.entries, random), tiff.bigTiff ? 20 : 12),
  (tiff, random) => {
    const [value, size] = tiff.bigTiff ? [12, 8] : [8, 4];
    exchange(tiff.view, pick(tiff.entries, random) + value, pick(tiff.entries, random) + value, size);
  },
  // The chain of directories leads elsewhere, also back.
  (tiff, random) => {
    const target = random() < 0.5 ? pick(tiff.entries, random) - 2 : below(random, tiff.view.byteLength);
    write(tiff, pick(tiff.links, random), tiff.bigTiff ? 8 : 4, target);
  },
  // Blocks change places, lie elsewhere or have other sizes.
  (tiff, random) => {
    const list = tiff.lists.length === 0 ? null : pick(tiff.lists, random);
    if (list === null) return;
    const at = (): number => list.at + below(random, list.count) * list.size;
    if (random() < 0.5) exchange(tiff.view, at(), at(), list.size);
    else write(tiff, at(), list.size, random() < 0.5 ? pick(ODD_NUMBERS, random) : below(random, tiff.view.byteLength));
  },
  // The image lies elsewhere, or its pixels are of another size.
  ({ view, little, places }, random) => {
    if (places.length > 0) view.setFloat64(pick(places, random), pick(ODD_PLACES, random), little);
  },
  // A stretch of zeros, of ones, or of what stands elsewhere.
  ({ view }, random) => {
    const length = 1 + below(random, 64);
    const at = below(random, view.byteLength);
    bytesOf(view).fill(random() < 0.5 ? 0 : 255, at, at + length);
  },
  ({ view }, random) => {
    const from = below(random, view.byteLength);
    bytesOf(view).copyWithin(below(random, view.byteLength), from, from + 1 + below(random, 400));
  },
];

/**
 * A damaged copy of a TIFF: one to three mutations, and one file in eight cut off besides. `random` decides them all, so
 * that the same seed gives the same file.
 */
export function mutateTiff(original: Uint8Array, random: () => number): Uint8Array {
  const bytes = Uint8Array.from(original);
  const tiff = anatomyOf(new DataView(bytes.buffer));
  for (let n = below(random, 3); n >= 0; n -= 1) pick(MUTATIONS, random)(tiff, random);
  return below(random, 8) === 0 ? bytes.subarray(0, below(random, bytes.length)) : bytes;
}

function anatomyOf(view: DataView): Anatomy {
  const little = view.getUint8(0) === 0x49;
  const bigTiff = view.getUint16(2, little) === 43;
  const [head, entryBytes, linkBytes] = bigTiff ? [8, 20, 8] : [2, 12, 4];
  const wordAt = (at: number): number => (bigTiff ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little));
  const entries: number[] = [];
  const links: number[] = [];
  const lists: { at: number; size: number; count: number }[] = [];
  const places: number[] = [];
  for (let link = bigTiff ? 8 : 4; wordAt(link) !== 0;) {
    links.push(link);
    const start = wordAt(link);
    const count = bigTiff ? wordAt(start) : view.getUint16(start, little);
    for (let n = 0; n < count; n += 1) {
      const at = start + head + n * entryBytes;
      entries.push(at);
      const values = wordAt(at + 4);
      const size = { 3: 2, 4: 4, 16: 8 }[view.getUint16(at + 2, little)] ?? 1;
      const isList = [273, 279, 324, 325].includes(view.getUint16(at, little));
      const isPlace = [33550, 33922, 34264].includes(view.getUint16(at, little));
      const coordinates = isPlace ? values : 0;
      for (let k = 0; k < coordinates; k += 1) places.push(wordAt(at + 4 + linkBytes) + k * 8);
      if (isList && values * size > linkBytes) lists.push({ at: wordAt(at + 4 + linkBytes), size, count: values });
    }
    link = start + head + count * entryBytes;
  }
  return { view, little, bigTiff, entries, links, lists, places };
}

function setPart(tiff: Anatomy, random: () => number, part: number, size: number, value: number): void {
  write(tiff, pick(tiff.entries, random) + part, size, value);
}

function write({ view, little }: Anatomy, at: number, size: number, value: number): void {
  if (at + size > view.byteLength) return;
  if (size === 8) view.setBigUint64(at, BigInt(value), little);
  else if (size === 4) view.setUint32(at, value, little);
  else view.setUint16(at, value, little);
}

function exchange(view: DataView, a: number, b: number, size: number): void {
  const bytes = bytesOf(view);
  const held = bytes.slice(a, a + size);
  bytes.copyWithin(a, b, b + size);
  bytes.set(held, b);
}

function flip(view: DataView, at: number, random: () => number): void {
  view.setUint8(at, view.getUint8(at) ^ (1 << below(random, 8)));
}

function bytesOf({ buffer }: DataView): Uint8Array {
  return new Uint8Array(buffer);
}

function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[below(random, list.length)]!;
}
