import { beforeAll, describe, expect, test } from 'vitest';
import { MemoryObjects } from '../../../../src/store/memory-objects.ts';
import { openRecords } from '../../../../src/store/records/write-records.ts';
import type { StoreCallOptions } from '../../../../src/store/tile-store.ts';
import { ArchiveTiles } from '../../../../src/store/verify/archive-tiles.ts';
import { diffTilesets } from '../../../../src/store/verify/diff-tilesets.ts';
import type { ComparedTileset } from '../../../../src/store/verify/diff-tilesets.ts';
import { objectSource } from '../../../../src/store/verify/object-source.ts';
import { ObjectTiles } from '../../../../src/store/verify/object-tiles.ts';
import { tileIdFromTile } from '../../../../src/tms/tile-id.ts';
import { archiveOf } from '../../../support/memory-archive.ts';
import { createPictures, makeVersion, planOf } from '../../../support/recorded-tileset.ts';
import type { Content, RecordedOptions } from '../../../support/recorded-tileset.ts';

const { signal } = new AbortController();

/** Objects that count what is read of them. */
class CountedObjects extends MemoryObjects {
  reads: string[] = [];

  override async read(path: string, offset: number, length: number, options: StoreCallOptions) {
    this.reads.push(path);
    return await super.read(path, offset, length, options);
  }

  override async get(path: string, options: StoreCallOptions) {
    this.reads.push(path);
    return await super.get(path, options);
  }
}

interface Side extends ComparedTileset {
  readonly objects: CountedObjects;
}

let contentOf: Content;
beforeAll(async () => {
  contentOf = await createPictures();
}, 60_000);

async function sideOf(
  options: Pick<RecordedOptions, 'form' | 'contentOf'> & Partial<RecordedOptions>,
  { hasRecords = true }: { readonly hasRecords?: boolean } = {},
): Promise<Side> {
  const objects = new CountedObjects();
  const version = await makeVersion(objects, options);
  const tiles =
    version.archive === null
      ? new ObjectTiles(objects, { extension: 'png', bbox: null })
      : await ArchiveTiles.open(objectSource(objects, version.archive), { signal });
  const records = hasRecords ? await openRecords(objects, version, { signal }) : null;
  objects.reads = [];
  return { objects, tiles, records, requestHash: hasRecords ? version.requestHash : null };
}

async function diff(from: ComparedTileset, to: ComparedTileset): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const { tile, kind } of diffTilesets(from, to, { signal })) {
    lines.push(`${tileIdFromTile(tile)} ${kind}`);
  }
  return lines;
}

/** Tile 62 changes, 64 becomes empty, 63 was empty. */
const younger: Content = (tileId) => {
  if (tileId === 64) return null;
  return contentOf(tileId === 62 ? 65 : tileId === 63 ? 64 : tileId);
};
const CHANGES = ['62 changed', '63 added', '64 emptied'];

describe('versions with records', () => {
  test.each(['folder', 'archive'] as const)('of a %s: no tile is read', async (form) => {
    const [from, to] = [await sideOf({ form, contentOf }), await sideOf({ form, contentOf: younger, generation: 2 })];
    expect(await diff(from, to)).toStrictEqual(CHANGES);
    for (const { objects } of [from, to]) {
      expect(objects.reads).toHaveLength(1);
      expect(objects.reads[0]).toMatch(/\.records\.gz$/);
    }
    expect(await diff(from, from)).toStrictEqual([]);
    expect(await diff(to, from)).toStrictEqual(['62 changed', '63 emptied', '64 added']);
  });

  test('blocks with equal roots are not read', async () => {
    // A metatile for each tile: some 640 of them.
    const many = { form: 'folder', minzoom: 4, maxzoom: 5, metatileSize: 1 } as const;
    const last = planOf(many).at(-1)!.tileIds[0]!;
    const plain: Content = (tileId) => (tileId % 3 === 0 ? null : Buffer.from(`tile ${tileId}`));
    const changed: Content = (tileId) => (tileId === last ? Buffer.from('another') : plain(tileId));
    const from = await sideOf({ ...many, contentOf: plain });
    const to = await sideOf({ ...many, contentOf: changed });
    expect(from.records?.blocks.length).toBeGreaterThanOrEqual(3);
    expect(await diff(from, to)).toHaveLength(1);
    expect(from.objects.reads).toHaveLength(1);
    expect(to.objects.reads).toHaveLength(1);
  }, 60_000);

  test('of different plans: tiles are walked through, and empties are known', async () => {
    const from = await sideOf({ form: 'archive', contentOf });
    const to = await sideOf({ form: 'archive', contentOf: younger, metatileSize: 4 });
    expect(await diff(from, to)).toStrictEqual(CHANGES);
  });
});

describe('tiles without records', () => {
  test.each([
    ['archive', 'archive'],
    ['folder', 'archive'],
    ['archive', 'folder'],
    ['folder', 'folder'],
  ] as const)('of a %s and a %s', async (one, other) => {
    const from = await sideOf({ form: one, contentOf }, { hasRecords: false });
    const to = await sideOf({ form: other, contentOf: younger }, { hasRecords: false });
    expect(await diff(from, to)).toStrictEqual(['62 changed', '63 added', '64 removed']);
    expect(await diff(from, from)).toStrictEqual([]);
  });

  test('zooms that only one of them has', async () => {
    const from = await sideOf({ form: 'archive', contentOf, maxzoom: 2 }, { hasRecords: false });
    const to = await sideOf({ form: 'archive', contentOf }, { hasRecords: false });
    const lines = await diff(from, to);
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.every((line) => line.endsWith(' added'))).toBe(true);
  });

  test('runs of one content are compared once, lengths before bytes, one place not at all', async () => {
    const sea = Buffer.alloc(300, 1);
    const tilesOf = async (
      change: (tileId: number) => Buffer,
    ): Promise<{ tiles: ArchiveTiles; reads: () => number }> => {
      const objects = new CountedObjects();
      const archive = await archiveOf(
        Array.from({ length: 64 }, (_, n) => ({ tileId: n + 21, bytes: change(n + 21) })),
      );
      await objects.put('a.pmtiles', archive, { signal });
      const tiles = await ArchiveTiles.open(objectSource(objects, 'a.pmtiles'), { signal });
      objects.reads = [];
      return { tiles, reads: () => objects.reads.length };
    };
    const compare = async (one: ArchiveTiles, other: ArchiveTiles): Promise<readonly string[]> =>
      await diff({ tiles: one, records: null, requestHash: null }, { tiles: other, records: null, requestHash: null });
    const all = await tilesOf(() => sea);
    const longer = await tilesOf((tileId) => (tileId === 50 ? Buffer.alloc(301, 1) : sea));
    const other = await tilesOf((tileId) => (tileId >= 50 && tileId < 60 ? Buffer.alloc(300, 2) : sea));
    // All of them are called the same here: what is told apart by its place is not.
    const renamed = Object.defineProperty(other.tiles, 'label', { value: 'other' });
    Object.defineProperty(longer.tiles, 'label', { value: 'longer' });
    expect(await compare(all.tiles, longer.tiles)).toStrictEqual(['50 changed']);
    expect([all.reads(), longer.reads()]).toStrictEqual([1, 1]);
    expect(await compare(all.tiles, renamed)).toStrictEqual(Array.from({ length: 10 }, (_, n) => `${n + 50} changed`));
    expect([all.reads(), other.reads()]).toStrictEqual([3, 2]);
    expect(await compare(all.tiles, all.tiles)).toStrictEqual([]);
    expect(all.reads()).toBe(3);
  });
});
