import { beforeAll, describe, expect, test } from 'vitest';
import { MemoryObjects } from '../../../../src/store/memory-objects.ts';
import { TILESET_PROBLEMS } from '../../../../src/store/pmtiles/archive-problems.ts';
import type { ProblemCode } from '../../../../src/store/pmtiles/archive-problems.ts';
import { ArchiveTiles } from '../../../../src/store/verify/archive-tiles.ts';
import { objectSource } from '../../../../src/store/verify/object-source.ts';
import { ObjectTiles } from '../../../../src/store/verify/object-tiles.ts';
import { verifyRecords } from '../../../../src/store/verify/verify-records.ts';
import type { PlannedMetatile } from '../../../../src/store/verify/verify-records.ts';
import { verifyVersion, verifyVersions } from '../../../../src/store/verify/verify-version.ts';
import type { VersionReport } from '../../../../src/store/verify/verify-version.ts';
import { ProblemList } from '../../../../src/store/pmtiles/archive-problems.ts';
import type { TilesetVersion } from '../../../../src/store/versions.ts';
import { createPictures, makeVersion, planOf, recordedStore } from '../../../support/recorded-tileset.ts';
import type { Content, RecordedOptions } from '../../../support/recorded-tileset.ts';

const { signal } = new AbortController();
const PUT = { signal, contentType: '' };

let contentOf: Content;
beforeAll(async () => {
  contentOf = await createPictures();
}, 60_000);

/** A tile that is there, and one that is empty. */
const THERE = 62;
const EMPTY = 63;
const FORMS = ['folder', 'archive'] as const;

interface Made {
  readonly objects: MemoryObjects;
  readonly version: TilesetVersion;
}

async function make(options: Partial<RecordedOptions> & Pick<RecordedOptions, 'form'>): Promise<Made> {
  const objects = new MemoryObjects();
  return { objects, version: await makeVersion(objects, { contentOf, ...options }) };
}

async function verify(
  { objects, version }: Made,
  { plan = planOf({}), sample = Infinity }: { plan?: readonly PlannedMetatile[] | null; sample?: number } = {},
): Promise<VersionReport> {
  return await verifyVersion(objects, version, {
    sample,
    coverageSample: null,
    plan,
    signal,
    openTiles: async () =>
      version.archive === null
        ? new ObjectTiles(objects, { extension: 'png', bbox: null })
        : await ArchiveTiles.open(objectSource(objects, version.archive), { signal }),
  });
}

async function codesOf(made: Made, plan?: readonly PlannedMetatile[]): Promise<readonly ProblemCode[]> {
  const { problems } = await verify(made, plan === undefined ? {} : { plan });
  // Blank pictures and bounds of half the world are no fault here.
  return problems.map(({ code }) => code).filter((code) => code !== 'TILES_OUTSIDE_BBOX');
}

describe.each(FORMS)('a %s without a fault', (form) => {
  test('is whole', async () => {
    const made = await make({ form });
    expect(await codesOf(made)).toStrictEqual([]);
    const planned = planOf({});
    const tileIds = planned.flatMap((metatile) => metatile.tileIds);
    const empty = tileIds.filter((tileId) => tileId % 3 === 0).length;
    expect(await verify(made)).toMatchObject({
      version: made.version.id,
      metatiles: planned.length,
      tiles: tileIds.length - empty,
      empty,
      compared: tileIds.length - empty,
      isPlanned: true,
    });
    expect(await verify(made, { plan: null, sample: 5 })).toMatchObject({ compared: 5, isPlanned: false });
  });
});

const without =
  (tileId: number): Content =>
  (id) =>
    id === tileId ? null : contentOf(id);
const also =
  (tileId: number): Content =>
  (id) =>
    id === tileId ? contentOf(THERE) : contentOf(id);

/** Faults of tiles that any form of tileset can have: what is put is not what is recorded. */
const TILE_FAULTS: readonly (readonly [string, ProblemCode, (options: RecordedOptions) => RecordedOptions])[] = [
  ['a tile that is not there', 'TILE_MISSING', (options) => recordedAs(options, contentOf, without(THERE))],
  ['an empty tile that is there', 'TILE_NOT_EMPTY', (options) => recordedAs(options, contentOf, also(EMPTY))],
  ['other bytes of the same length', 'TILE_DIGEST', (options) => recordedAs(options, contentOf, (id) => flipped(id))],
  ['fewer bytes', 'TILE_LENGTH', (options) => recordedAs(options, contentOf, (id) => shorter(id))],
  [
    'a tile in no record',
    'TILE_EXTRA',
    (options) => ({
      ...options,
      record: (record) => ({ ...record, tiles: record.tiles.filter(({ tileId }) => tileId !== THERE) }),
    }),
  ],
  [
    'a tile that failed',
    'TILE_FAILED',
    (options) => ({
      ...options,
      record: (record) => ({
        ...record,
        empty: record.empty.filter((tileId) => tileId !== EMPTY),
        failed: record.empty.includes(EMPTY) ? [{ tileId: EMPTY, code: 'ASSET_CORRUPT' }] : [],
      }),
    }),
  ],
  [
    'a tile in two records',
    'RECORDED_TWICE',
    (options) => ({
      ...options,
      record: (record) => ({ ...record, empty: [...new Set([...record.empty, EMPTY])].sort((a, b) => a - b) }),
    }),
  ],
];

/** Records of one content, tiles of another. */
function recordedAs(options: RecordedOptions, recorded: Content, put: Content): RecordedOptions {
  return { ...options, recordedOf: recorded, contentOf: put };
}

function flipped(tileId: number): Buffer | null {
  const bytes = contentOf(tileId);
  if (tileId !== THERE || bytes === null) return bytes;
  const other = Buffer.from(bytes);
  // In the CRC of the header, which readers of pictures pass over here.
  other[other.length - 1]! ^= 1;
  return other;
}

function shorter(tileId: number): Buffer | null {
  const bytes = contentOf(tileId);
  return tileId === THERE && bytes !== null ? bytes.subarray(0, -1) : bytes;
}

/** A plan with one tile more in its first metatile, without its last one, or with one more. */
const PLAN_FAULTS: readonly (readonly [string, (plan: PlannedMetatile[]) => PlannedMetatile[]])[] = [
  [
    'a planned tile in no record',
    ([first, ...rest]) => [{ index: first!.index, tileIds: [...first!.tileIds, 7777] }, ...rest],
  ],
  [
    'a tile that is not planned',
    ([first, ...rest]) => [{ index: first!.index, tileIds: first!.tileIds.slice(1) }, ...rest],
  ],
  ['a planned metatile without a record', (plan) => [...plan, { index: 99_999, tileIds: [7777] }]],
  ['a record that is not planned', (plan) => plan.slice(0, -1)],
  ['a record in the middle that is not planned', (plan) => plan.filter((_, n) => n !== 2)],
];

describe.each(FORMS)('planted faults of a %s', (form) => {
  test.each(TILE_FAULTS)('%s is found as %s', async (_, code, change) => {
    expect(await codesOf(await make(change({ form, contentOf })))).toContain(code);
  });

  test.each(PLAN_FAULTS)('%s', async (_, change) => {
    expect(await codesOf(await make({ form }), change(planOf({})))).toStrictEqual(['PLAN']);
  });

  test('counts that are not those of the records', async () => {
    const { objects, version } = await make({ form });
    const { records } = version;
    for (const wrong of [
      { ...version, tiles: version.tiles + 1 },
      { ...version, empty: version.empty + 1 },
      { ...version, records: { ...records, metatiles: records.metatiles + 1 } },
    ]) {
      expect(await codesOf({ objects, version: wrong })).toContain('RECORDS_COUNT');
    }
  });

  test('records that are gone, cut off or longer', async () => {
    const { objects, version } = await make({ form });
    const { path } = version.records;
    const bytes = (await objects.get(path, { signal }))!;
    for (const damaged of [bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(1)]), bytes.subarray(0, 16_384)]) {
      await objects.put(path, damaged, PUT);
      expect(await codesOf({ objects, version })).toContain('RECORDS');
    }
    await objects.delete(path, { signal });
    expect(await codesOf({ objects, version })).toStrictEqual(['RECORDS']);
  });
});

test('one flipped bit anywhere in the records is found', async () => {
  const { objects, version } = await make({ form: 'folder' });
  const { path } = version.records;
  const bytes = Buffer.from((await objects.get(path, { signal }))!);
  const options = { plan: null, signal, onRecord: async () => await Promise.resolve() };
  const missed: string[] = [];
  const isFound = async (): Promise<boolean> => {
    const problems = new ProblemList();
    await verifyRecords(objects, version, problems, options);
    return problems.has('RECORDS');
  };
  expect(await isFound()).toBe(false);
  // Headers, trailers and the ends of the data are at the borders of members: there every bit is flipped, elsewhere one of each
  // byte, and of the zeros that fill the head some.
  const borders = [0, 16_384, version.records.indexOffset, bytes.length];
  for (let at = 0; at < bytes.length; at++) {
    const isAtBorder = borders.some((border) => Math.abs(border - at) <= 20);
    const isFill = at > 20 && at < 16_200;
    if (isFill && at % 1_999 !== 0) continue;
    for (let bit = isAtBorder ? 0 : at % 8; bit < 8; bit += isAtBorder ? 1 : 8) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 1 << bit;
      await objects.put(path, damaged, PUT);
      if (!(await isFound())) missed.push(`bit ${bit} of byte ${at}`);
    }
  }
  expect(missed).toStrictEqual([]);
}, 120_000);

describe('planted faults of an archive and its versions', () => {
  test('a version whose archive is not there, or of another length', async () => {
    const { objects, version } = await make({ form: 'archive' });
    const bytes = (await objects.get(version.archive!, { signal }))!;
    await objects.put(version.archive!, Buffer.concat([bytes, Buffer.alloc(1)]), PUT);
    expect(await codesOf({ objects, version })).toContain('ARCHIVE_LENGTH');
    await objects.put(version.archive!, bytes.subarray(0, -1), PUT);
    expect(await codesOf({ objects, version })).toContain('ARCHIVE_LENGTH');
    await objects.delete(version.archive!, { signal });
    expect(await codesOf({ objects, version })).toStrictEqual(['ARCHIVE_MISSING']);
  });

  test('tile data that is damaged, where only the digests tell', async () => {
    const { objects, version } = await make({ form: 'archive' });
    const bytes = Buffer.from((await objects.get(version.archive!, { signal }))!);
    // Of a tile's IEND, which decoders read and let pass.
    const at = bytes.lastIndexOf('IEND') + 7;
    bytes[at]! ^= 1;
    await objects.put(version.archive!, bytes, PUT);
    expect(await codesOf({ objects, version })).toContain('TILE_DIGEST');
  });

  test('an archive that cannot be walked through is said, and nothing is thrown', async () => {
    const { objects, version } = await make({ form: 'archive' });
    const bytes = Buffer.from((await objects.get(version.archive!, { signal }))!);
    bytes.fill(7, 127, 140);
    await objects.put(version.archive!, bytes, PUT);
    expect(await codesOf({ objects, version })).toContain('HEADER');
  });

  test('of the versions: one to roll back to that is gone, a pointer to another one, an ID of other records', async () => {
    const objects = new MemoryObjects();
    const first = await makeVersion(objects, { form: 'archive', contentOf });
    await makeVersion(objects, { form: 'archive', contentOf: without(THERE), generation: 2 });
    const document = (await recordedStore(objects, 'archive').versions({ signal }))!;
    expect(document.versions).toHaveLength(2);
    const codes = async (versions = document): Promise<readonly string[]> => {
      const problems = await verifyVersions(objects, versions, { pointer: 'world.pmtiles', signal });
      return problems.map(({ code }) => code);
    };
    expect(await codes()).toStrictEqual([]);
    await objects.put('world.pmtiles', (await objects.get(first.archive!, { signal }))!, PUT);
    expect(await codes()).toStrictEqual(['POINTER']);
    await objects.delete('world.pmtiles', { signal });
    await objects.delete(first.archive!, { signal });
    expect(await codes()).toStrictEqual(['ARCHIVE_MISSING']);
    await objects.delete(first.records.path, { signal });
    expect(await codes()).toStrictEqual(['ARCHIVE_MISSING', 'RECORDS']);
    const renamed = { ...document, versions: document.versions.map((one) => ({ ...one, generation: 7 })) };
    expect(await codes(renamed)).toContain('VERSIONS');
  });
});

test('every kind of problem of a tileset but documents is planted', () => {
  const planted = new Set<string>(TILE_FAULTS.map(([, code]) => code));
  for (const code of ['PLAN', 'RECORDS', 'RECORDS_COUNT', 'ARCHIVE_MISSING', 'ARCHIVE_LENGTH', 'POINTER', 'VERSIONS']) {
    planted.add(code);
  }
  expect(Object.keys(TILESET_PROBLEMS).filter((code) => !planted.has(code))).toStrictEqual(['DOCUMENTS']);
});
