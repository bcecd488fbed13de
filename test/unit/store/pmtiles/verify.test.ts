import sharp from 'sharp';
import { beforeAll, describe, expect, test } from 'vitest';
import { ARCHIVE_PROBLEMS } from '../../../../src/store/pmtiles/archive-problems.ts';
import type { ProblemCode } from '../../../../src/store/pmtiles/archive-problems.ts';
import { compress } from '../../../../src/store/gzip.ts';
import { directoryToBytes } from '../../../../src/store/pmtiles/directory.ts';
import { EntryList } from '../../../../src/store/pmtiles/entries.ts';
import type { Entry } from '../../../../src/store/pmtiles/entries.ts';
import { HEADER_BYTES, headerToBytes, parseHeader } from '../../../../src/store/pmtiles/header.ts';
import type { PmtilesHeader } from '../../../../src/store/pmtiles/header.ts';
import { verifyArchive } from '../../../../src/store/pmtiles/verify-archive.ts';
import { archiveOf, memoryRangeSource } from '../../../support/memory-archive.ts';

const { signal } = new AbortController();
const SAMPLE_ALL = { sample: Infinity, signal };

/** Pictures by colour: small ones, and one of noise that is larger than what is shared. */
const pictures: Buffer[] = [];
beforeAll(async () => {
  for (const red of [0, 80, 160, 240]) pictures.push(await flat({ width: 256, height: 256, red }));
}, 60_000);

async function flat({ width, height, red }: { width: number; height: number; red: number }): Promise<Buffer> {
  return await sharp({ create: { width, height, channels: 3, background: { r: red, g: 9, b: 9 } } })
    .png()
    .toBuffer();
}

/** The four tiles of zoom 1, each of its own colour; their IDs are 1 to 4. */
const ENTRIES = (): Entry[] => {
  let offset = 0;
  return pictures.map((bytes, index) => {
    offset += bytes.length;
    return { tileId: index + 1, offset: offset - bytes.length, length: bytes.length, runLength: 1 };
  });
};

interface RawArchive {
  readonly entries?: readonly Entry[];
  readonly data?: Buffer;
  /** Leaf directories, decompressed entries each; the root points to them by `pointers` or one behind the other. */
  readonly leaves?: readonly (readonly Entry[])[];
  readonly pointers?: (made: readonly Entry[]) => readonly Entry[];
  readonly metadata?: Buffer;
  readonly header?: (header: PmtilesHeader) => Partial<PmtilesHeader>;
  readonly tail?: Buffer;
}

/** Makes an archive of any parts, right or wrong. */
function rawArchive(raw: RawArchive): Buffer {
  const entries = raw.entries ?? ENTRIES();
  const data = raw.data ?? Buffer.concat(pictures);
  const leafBytes = (raw.leaves ?? []).map((leaf) => directoryOf(leaf));
  let at = 0;
  const made = leafBytes.map((bytes, index): Entry => {
    at += bytes.length;
    return { tileId: raw.leaves![index]![0]!.tileId, offset: at - bytes.length, length: bytes.length, runLength: 0 };
  });
  const root = directoryOf(raw.leaves === undefined ? entries : (raw.pointers?.(made) ?? made));
  const metadata = raw.metadata ?? Buffer.from(compress(Buffer.from('{"name":"made","tileSize":256}')));
  const leaves = Buffer.concat(leafBytes);
  const all = raw.leaves === undefined ? entries : raw.leaves.flat();
  let offset = HEADER_BYTES;
  const section = (length: number): { offset: number; length: number } => {
    offset += length;
    return { offset: offset - length, length };
  };
  const header: PmtilesHeader = {
    root: section(root.length),
    metadata: section(metadata.length),
    leaves: section(leaves.length),
    tiles: section(data.length),
    addressedTiles: all.reduce((sum, { runLength }) => sum + runLength, 0),
    tileEntries: all.length,
    tileContents: new Set(all.map((entry) => entry.offset)).size,
    clustered: true,
    internalCompression: 'gzip',
    tileCompression: 'none',
    tileType: 'png',
    minzoom: 1,
    maxzoom: 1,
    bbox: [-180, -85, 180, 85],
    center: [0, 0, 1],
  };
  const told = headerToBytes({ ...header, ...raw.header?.(header) });
  return Buffer.concat([told, root, metadata, leaves, data, raw.tail ?? Buffer.alloc(0)]);
}

function directoryOf(entries: readonly Entry[]): Buffer {
  const list = new EntryList();
  for (const { tileId, offset, length, runLength } of entries) list.push(tileId, offset, length, runLength);
  return Buffer.from(directoryToBytes(list));
}

async function codesOf(archive: Buffer): Promise<readonly ProblemCode[]> {
  const { problems } = await verifyArchive(memoryRangeSource(archive), SAMPLE_ALL);
  return problems.map(({ code }) => code);
}

function changed(archive: Buffer, change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(archive);
  change(bytes);
  return bytes;
}

/** Replaces an entry of the four. */
function withEntry(index: number, change: Partial<Entry>): Entry[] {
  return ENTRIES().map((entry, at) => (at === index ? { ...entry, ...change } : entry));
}

describe('an archive without a fault', () => {
  test('of ours has no problems', async () => {
    const tiles = pictures.map((bytes, index) => ({ tileId: index + 1, bytes }));
    const archive = await archiveOf([...tiles, { tileId: 0, bytes: pictures[0]! }]);
    const report = await verifyArchive(memoryRangeSource(archive), SAMPLE_ALL);
    expect(report.problems).toMatchObject([{ code: 'TILES_OUTSIDE_BBOX' }]);
    expect(report).toMatchObject({ entries: 4, decoded: 4, tileSize: 256 });
  });

  test('of another writer has none', async () => {
    expect(await codesOf(rawArchive({}))).toStrictEqual([]);
    const leaves = [ENTRIES().slice(0, 2), ENTRIES().slice(2)];
    expect(await codesOf(rawArchive({ leaves }))).toStrictEqual([]);
  });
});

const leaves = (): Entry[][] => [ENTRIES().slice(0, 2), ENTRIES().slice(2)];

/** Each fault on its own, with what must be found; more may be found beside it. */
const FAULTS: readonly (readonly [string, ProblemCode, () => Buffer | Promise<Buffer>])[] = [
  ['another magic', 'HEADER', () => changed(rawArchive({}), (bytes) => bytes.write('PMTilez'))],
  ['another version', 'HEADER', () => changed(rawArchive({}), (bytes) => bytes.writeUInt8(2, 7))],
  ['cut off in the header', 'HEADER', () => rawArchive({}).subarray(0, 100)],
  ['an offset beyond 2^53', 'HEADER', () => changed(rawArchive({}), (bytes) => bytes.writeUInt8(255, 15))],
  ['an unknown compression', 'HEADER', () => changed(rawArchive({}), (bytes) => bytes.writeUInt8(9, 97))],
  ['a root that is no gzip', 'HEADER', () => changed(rawArchive({}), (bytes) => bytes.fill(1, 127, 137))],
  [
    'a root beyond 16 KiB',
    'HEADER',
    () => rawArchive({ header: ({ root }) => ({ root: { ...root, offset: 16_384 } }) }),
  ],
  ['cut off in the tiles', 'SECTION_OUTSIDE', () => rawArchive({}).subarray(0, -9)],
  ['bytes behind the end', 'FILE_LENGTH', () => rawArchive({ tail: Buffer.alloc(3) })],
  [
    'sections that overlap',
    'SECTIONS_OVERLAP',
    () => rawArchive({ header: ({ tiles }) => ({ metadata: { offset: tiles.offset, length: 20 } }) }),
  ],
  ['metadata that are no JSON', 'METADATA', () => rawArchive({ metadata: Buffer.from(compress(Buffer.from('{'))) })],
  ['metadata that are no gzip', 'METADATA', () => rawArchive({ metadata: Buffer.from('{}') })],
  [
    'leaves at offset 0',
    'LEAF_OFFSET_ZERO',
    () => rawArchive({ header: () => ({ leaves: { offset: 0, length: 0 } }) }),
  ],
  [
    'a leaf outside its section',
    'LEAF_OUTSIDE',
    () => rawArchive({ leaves: leaves(), pointers: ([a, b]) => [a!, { ...b!, offset: b!.offset + 9 }] }),
  ],
  [
    'a leaf that is no gzip',
    'DIRECTORY',
    () =>
      rawArchive({
        leaves: leaves(),
        pointers: ([a, b]) => [a!, { ...b!, offset: b!.offset + 1, length: b!.length - 1 }],
      }),
  ],
  [
    'a leaf that begins with another tile',
    'LEAF_START',
    () => rawArchive({ leaves: leaves(), pointers: ([a, b]) => [a!, { ...b!, tileId: 2 }] }),
  ],
  [
    'a leaf that goes on into the next',
    'LEAF_START',
    () =>
      rawArchive({
        leaves: [ENTRIES().slice(0, 3), ENTRIES().slice(3)],
        pointers: ([a, b]) => [a!, { ...b!, tileId: 3 }],
      }),
  ],
  [
    'a leaf twice',
    'LEAVES_OVERLAP',
    () => rawArchive({ leaves: leaves(), pointers: ([a]) => [a!, { ...a!, tileId: 3 }] }),
  ],
  [
    'tile IDs that do not ascend',
    'TILE_ID_ORDER',
    () =>
      rawArchive({
        leaves: [ENTRIES().slice(2), ENTRIES().slice(0, 2)],
        pointers: ([a, b]) => [a!, { ...b!, tileId: 9 }],
      }),
  ],
  ['a tile twice', 'TILE_ID_ORDER', () => rawArchive({ entries: withEntry(2, { tileId: 2 }) })],
  ['a run into the next entry', 'RUN_OVERLAP', () => rawArchive({ entries: withEntry(1, { runLength: 2 }) })],
  ['a tile beyond zoom 26', 'TILE_ID_RANGE', () => rawArchive({ entries: withEntry(3, { tileId: 7e15 }) })],
  ['a tile outside the tile data', 'TILE_OUTSIDE', () => rawArchive({ entries: withEntry(3, { length: 99_999 }) })],
  ['contents that overlap', 'CONTENT_OVERLAP', () => rawArchive({ entries: withEntry(1, { offset: 10 }) })],
  [
    'tile data out of order',
    'NOT_CLUSTERED',
    () => {
      const [a, b, c, d] = ENTRIES();
      return rawArchive({
        entries: [
          { ...d!, tileId: 1 },
          { ...a!, tileId: 2 },
          { ...b!, tileId: 3 },
          { ...c!, tileId: 4 },
        ],
      });
    },
  ],
  ['a first tile that is not first', 'NOT_CLUSTERED', () => rawArchive({ entries: ENTRIES().slice(1) })],
  ['order that is not said', 'CLUSTERED_UNSAID', () => rawArchive({ header: () => ({ clustered: false }) })],
  ['bytes of no tile', 'UNUSED_BYTES', () => rawArchive({ data: Buffer.concat([...pictures, Buffer.alloc(7)]) })],
  ['another count of tiles', 'COUNT_ADDRESSED', () => rawArchive({ header: () => ({ addressedTiles: 5 }) })],
  ['another count of entries', 'COUNT_ENTRIES', () => rawArchive({ header: () => ({ tileEntries: 3 }) })],
  ['another count of contents', 'COUNT_CONTENTS', () => rawArchive({ header: () => ({ tileContents: 3 }) })],
  ['another minzoom', 'ZOOM_RANGE', () => rawArchive({ header: () => ({ minzoom: 0 }) })],
  ['another maxzoom', 'ZOOM_RANGE', () => rawArchive({ header: () => ({ maxzoom: 2 }) })],
  [
    'a maxzoom that only a run reaches',
    'ZOOM_RANGE',
    () => rawArchive({ entries: withEntry(3, { runLength: 2 }), header: () => ({ bbox: [-180, -85.06, 180, 85.06] }) }),
  ],
  ['a centre outside the zooms', 'CENTER', () => rawArchive({ header: () => ({ center: [0, 0, 7] }) })],
  ['a centre outside the bounds', 'CENTER', () => rawArchive({ header: () => ({ bbox: [10, -85, 180, 85] }) })],
  ['bounds without area', 'BBOX', () => rawArchive({ header: () => ({ bbox: [0, 0, 0, 0] }) })],
  ['bounds beyond the world', 'BBOX', () => rawArchive({ header: () => ({ bbox: [-190, -85, 190, 85] }) })],
  [
    'tiles outside the bounds',
    'TILES_OUTSIDE_BBOX',
    () => rawArchive({ header: () => ({ bbox: [-1, 1, -0.5, 2], center: [-0.7, 1.5, 1] }) }),
  ],
  ['pictures said to be compressed', 'COMPRESSION', () => rawArchive({ header: () => ({ tileCompression: 'gzip' }) })],
  ['an unknown tile type', 'TILE_TYPE', () => rawArchive({ header: () => ({ tileType: 'unknown' }) })],
  ['another tile type', 'TILE_TYPE', () => rawArchive({ header: () => ({ tileType: 'webp' }) })],
  [
    'a tile that is no picture',
    'TILE_TYPE',
    () => rawArchive({ data: changed(Buffer.concat(pictures), (bytes) => bytes.fill(0, 0, 4)) }),
  ],
  [
    'a tile that is torn',
    'TILE_CORRUPT',
    () => rawArchive({ data: changed(Buffer.concat(pictures), (bytes) => bytes.fill(0, 60, 90)) }),
  ],
  [
    'tiles of two sizes',
    'TILE_SIZE',
    async () => {
      const large = await flat({ width: 512, height: 512, red: 3 });
      return rawArchive({
        data: Buffer.concat([...pictures.slice(0, 3), large]),
        entries: withEntry(3, { length: large.length }),
      });
    },
  ],
  [
    'tiles of another size than the metadata say',
    'TILE_SIZE',
    () => rawArchive({ metadata: Buffer.from(compress(Buffer.from('{"tileSize":512}'))) }),
  ],
  [
    'a tile that is not square',
    'TILE_SIZE',
    async () => {
      const wide = await flat({ width: 256, height: 128, red: 3 });
      return rawArchive({ data: wide, entries: [{ tileId: 1, offset: 0, length: wide.length, runLength: 4 }] });
    },
  ],
];

/** Of these `pmtiles verify` of go-pmtiles says that they are correct; on five others it crashes. */
const PASSED_BY_GO_PMTILES = [
  'another version',
  'metadata that are no JSON',
  'metadata that are no gzip',
  'a leaf that begins with another tile',
  'a leaf that goes on into the next',
  'tile IDs that do not ascend',
  'a tile twice',
  'a run into the next entry',
  'a tile outside the tile data',
  'contents that overlap',
  'tile data out of order',
  'a first tile that is not first',
  'order that is not said',
  'bytes of no tile',
  'a maxzoom that only a run reaches',
  'a centre outside the bounds',
  'bounds beyond the world',
  'tiles outside the bounds',
  'pictures said to be compressed',
  'an unknown tile type',
  'another tile type',
  'a tile that is no picture',
  'a tile that is torn',
  'tiles of two sizes',
  'tiles of another size than the metadata say',
  'a tile that is not square',
];

describe('planted faults', () => {
  test.each(FAULTS)('%s is found as %s', async (_name, code, make) => {
    expect(await codesOf(await make())).toContain(code);
  });

  test('there are many', () => {
    expect(FAULTS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(FAULTS.map(([, code]) => code)).size).toBeGreaterThanOrEqual(25);
    const names = FAULTS.map(([name]) => name);
    expect(PASSED_BY_GO_PMTILES.filter((name) => !names.includes(name))).toStrictEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  test('every kind of problem of an archive but leaves below leaves is planted', () => {
    const planted = new Set(FAULTS.map(([, code]) => code));
    const missing = Object.keys(ARCHIVE_PROBLEMS).filter((code) => !planted.has(code as ProblemCode));
    expect(missing).toStrictEqual(['LEAF_DEPTH']);
  });

  test('leaves below leaves are said', async () => {
    const inner = directoryOf(ENTRIES());
    const pointer = { tileId: 1, offset: 0, length: inner.length, runLength: 0 };
    const outer = directoryOf([pointer]);
    const archive = rawArchive({
      entries: [{ tileId: 1, offset: inner.length, length: outer.length, runLength: 0 }],
      data: Buffer.concat([inner, outer, ...pictures]),
      header: ({ tiles }) => ({
        leaves: { offset: tiles.offset, length: inner.length + outer.length },
        tiles: { offset: tiles.offset + inner.length + outer.length, length: Buffer.concat(pictures).length },
        addressedTiles: 4,
        tileEntries: 4,
        tileContents: 4,
      }),
    });
    expect(await codesOf(archive)).toContain('LEAF_DEPTH');
  });

  test('the header is read as it was written', () => {
    const archive = rawArchive({});
    expect(Buffer.from(headerToBytes(parseHeader(archive, 'made'))).equals(archive.subarray(0, HEADER_BYTES))).toBe(
      true,
    );
  });
});
