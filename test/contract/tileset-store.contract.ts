import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { MetatileRecord } from '../../src/store/records/metatile-record.ts';
import type { FinishedTiles, TileStore } from '../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { tileFromTileId, tileIdFromTile } from '../../src/tms/tile-id.ts';
import { tilePath } from '../../src/tms/tile.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { digestOf } from '../support/made-records.ts';
import { DESCRIPTION } from '../support/memory-archive.ts';

const NEVER = { signal: new AbortController().signal };

/** Metatiles of zoom 3, two by two tiles each: sixteen of them. */
const METATILES = 16;

/** What is in each tile, by its path; a tile that is not in it is empty. */
export type Contents = ReadonlyMap<string, Uint8Array>;

function tilesOf(index: number): readonly Tile[] {
  const first = (4 ** 3 - 1) / 3 + index * 4;
  return [0, 1, 2, 3].map((n) => tileFromTileId(first + n));
}

/** All tiles are there, large and small ones, some of which are the same; `seed` changes those of some metatiles. */
export function madeContents(seeds: ReadonlyMap<number, number> = new Map(), empty: readonly string[] = []): Contents {
  const contents = new Map<string, Uint8Array>();
  for (let index = 0; index < METATILES; index++) {
    const seed = seeds.get(index) ?? 0;
    for (const [n, tile] of tilesOf(index).entries()) {
      const path = tilePath(tile);
      if (empty.includes(path)) continue;
      const length = n === 0 ? 6_000 + index + seed : n === 1 ? 50 : 300 + index * 7 + seed;
      const fill = n === 1 ? 7 + seed : (index * 4 + n + seed * 31) % 251;
      contents.set(path, new Uint8Array(length).fill(fill));
    }
  }
  return contents;
}

function recordOf(index: number, contents: Contents): MetatileRecord {
  const all = tilesOf(index).map((tile) => ({ bytes: contents.get(tilePath(tile)), tileId: tileIdFromTile(tile) }));
  return {
    index,
    inputs: { signature: digestOf(`metatile ${index}`), scenes: [], children: [] },
    tiles: all.flatMap(({ bytes, tileId }) => {
      if (bytes === undefined) return [];
      const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
      return [{ tileId, length: bytes.length, digest }];
    }),
    empty: all.flatMap(({ bytes, tileId }) => (bytes === undefined ? [tileId] : [])),
    failed: [],
  };
}

async function renderMetatile(store: TileStore, index: number, contents: Contents): Promise<void> {
  const sink = store.openMetatile(index);
  await sink.begin(NEVER);
  for (const tile of tilesOf(index)) {
    const bytes = contents.get(tilePath(tile));
    if (bytes === undefined) await sink.delete(tile, NEVER);
    else await sink.put(tile, bytes, NEVER);
  }
  await sink.commit(recordOf(index, contents), NEVER);
}

function finished(generation: number, baseline: TilesetVersion | null = null): FinishedTiles {
  return {
    generation,
    requestHash: 'hash',
    indices: () => Array.from({ length: METATILES }, (_, index) => index),
    baseline,
    isSamePlan: true,
    keepVersions: 3,
    bbox: [-180, -85, 180, 85],
    metadata: DESCRIPTION.metadata,
  };
}

/** Renders all of it to an empty store. */
export async function renderWhole(store: TileStore, contents: Contents, generation = 1): Promise<TilesetVersion> {
  for (let index = 0; index < METATILES; index++) await renderMetatile(store, index, contents);
  const version = await store.assemble(finished(generation), NEVER);
  await store.deleteStaged({ ...NEVER, keepParts: false });
  return version;
}

async function read(store: TileStore): Promise<Contents> {
  const contents = new Map<string, Uint8Array>();
  for await (const tile of store.list(NEVER)) contents.set(tilePath(tile), (await store.get(tile, NEVER))!);
  return contents;
}

function sorted(contents: Contents): readonly (readonly [string, string])[] {
  return [...contents]
    .map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What every form of a tileset promises, from its metatiles to its versions. `newPlace` gives an opener of one empty place. */
export function describeTilesetStore(
  name: string,
  newPlace: () => Promise<{ readonly open: () => Promise<TileStore> }>,
): void {
  describe(`tileset store: ${name}`, () => {
    test('has nothing at first, and then all of a run in one version with its records', async () => {
      const place = await newPlace();
      await using store = await place.open();
      expect(await store.versions(NEVER)).toBeNull();
      expect(await store.staged(0, NEVER)).toBeNull();
      const contents = madeContents(new Map(), ['3/0/0', '3/5/5']);
      const version = await renderWhole(store, contents);
      expect(version).toMatchObject({ generation: 1, tiles: 62, empty: 2, records: { metatiles: METATILES } });
      expect(version.id).toBe(`1-${version.records.root.slice(0, 8)}`);
      expect(await store.versions(NEVER)).toStrictEqual({ v: 1, current: version.id, versions: [version] });
      expect(sorted(await read(store))).toStrictEqual(sorted(contents));
      const reader = await store.openRecords(version, NEVER);
      for (let index = 0; index < METATILES; index++) {
        expect(await reader.recordAt(index, NEVER)).toStrictEqual(recordOf(index, contents));
      }
    });

    test('what is staged is known until it is removed', async () => {
      await using store = await (await newPlace()).open();
      const contents = madeContents();
      await store.openMetatile(3).begin(NEVER);
      // Where tiles are not in place before the end, there is nothing to note.
      expect([null, { kind: 'begun' }]).toContainEqual(await store.staged(3, NEVER));
      await renderMetatile(store, 3, contents);
      await store.openMetatile(5).keep(recordOf(5, contents), NEVER);
      expect(await store.staged(3, NEVER)).toStrictEqual({ kind: 'rendered', record: recordOf(3, contents) });
      expect(await store.staged(5, NEVER)).toStrictEqual({ kind: 'kept', record: recordOf(5, contents) });
      const indices: number[] = [];
      for await (const index of store.stagedIndices(NEVER)) indices.push(index);
      expect(indices.sort((a, b) => a - b)).toStrictEqual([3, 5]);
      await store.deleteStaged({ ...NEVER, keepParts: false });
      expect(await store.staged(3, NEVER)).toBeNull();
    });

    test('of several that replace a document at once, one does', async () => {
      const place = await newPlace();
      await using store = await place.open();
      await using other = await place.open();
      expect(await store.getTaggedDocument('state.json', NEVER)).toBeNull();
      const bytes = (value: number): Uint8Array => new Uint8Array(100).fill(value);
      const put = async (to: TileStore, value: number, tag: string | null): Promise<string | null> =>
        await to.putDocumentIf('state.json', bytes(value), tag, 'application/json', NEVER);
      const first = await put(store, 1, null);
      expect(await put(other, 2, null)).toBeNull();
      const found = (await other.getTaggedDocument('state.json', NEVER))!;
      expect([...found.bytes]).toStrictEqual([...bytes(1)]);
      expect(found.tag).toBe(first);
      const tags = await Promise.all([store, other].map((to, at) => put(to, at + 3, first)));
      expect(tags.filter((tag) => tag === null)).toHaveLength(1);
    });

    test('a metatile that staged nothing is no hole', async () => {
      await using store = await (await newPlace()).open();
      for (let index = 1; index < METATILES; index++) await renderMetatile(store, index, madeContents());
      await expect(store.assemble(finished(1), NEVER)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
      expect(await store.versions(NEVER)).toBeNull();
    });

    test('assembling again gives the same version, also once what was staged is removed', async () => {
      const place = await newPlace();
      await using store = await place.open();
      const version = await renderWhole(store, madeContents());
      await using other = await place.open();
      expect(await other.assemble(finished(1), NEVER)).toStrictEqual(version);
    });

    test('of two that end one run at once both have its version, whoever removes what was staged', async () => {
      const place = await newPlace();
      await using store = await place.open();
      await using other = await place.open();
      for (let generation = 1; generation <= 5; generation++) {
        for (let index = 0; index < METATILES; index++) await renderMetatile(store, index, madeContents());
        const end = async (one: TileStore): Promise<TilesetVersion> => {
          const version = await one.assemble(finished(generation), NEVER);
          await one.deleteStaged({ ...NEVER, keepParts: false });
          return version;
        };
        const [first, second] = await Promise.all([end(store), end(other)]);
        expect(second).toStrictEqual(first);
      }
    });

    test('an update has the bytes of a whole run', async () => {
      const [updated, whole] = [await newPlace(), await newPlace()];
      const changes = new Map([
        [2, 1],
        [9, 5],
      ]);
      const empty = [tilePath(tilesOf(9)[0]!), tilePath(tilesOf(9)[2]!)];
      const contents = madeContents(changes, empty);
      await using store = await updated.open();
      const before = await renderWhole(store, madeContents());
      for (const index of changes.keys()) await renderMetatile(store, index, contents);
      await store.openMetatile(4).keep(recordOf(4, contents), NEVER);
      const version = await store.assemble(finished(2, before), NEVER);
      await store.deleteStaged({ ...NEVER, keepParts: false });
      await using fresh = await whole.open();
      const full = await renderWhole(fresh, contents, 2);
      expect(version).toStrictEqual(full);
      expect(sorted(await read(store))).toStrictEqual(sorted(contents));
      expect(sorted(await read(fresh))).toStrictEqual(sorted(contents));
      const records = [await store.openRecords(version, NEVER), await fresh.openRecords(full, NEVER)];
      for (let index = 0; index < METATILES; index++) {
        const [one, other] = await Promise.all(records.map((reader) => reader.recordAt(index, NEVER)));
        expect(one).toStrictEqual(other);
      }
    });

    test('an update in which nothing changed has all tiles still', async () => {
      await using store = await (await newPlace()).open();
      const contents = madeContents();
      const before = await renderWhole(store, contents);
      const version = await store.assemble(finished(2, before), NEVER);
      expect(version.records.root).toBe(before.records.root);
      expect(sorted(await read(store))).toStrictEqual(sorted(contents));
    });

    test('a plan that has changed takes the tiles that were kept, and no others', async () => {
      await using store = await (await newPlace()).open();
      const contents = madeContents();
      const before = await renderWhole(store, contents);
      for (const index of [0, 1, 2]) await store.openMetatile(index).keep(recordOf(index, contents), NEVER);
      await renderMetatile(store, 3, madeContents(new Map([[3, 2]])));
      for (let index = 4; index < METATILES; index++) {
        for (const tile of tilesOf(index)) await store.openMetatile(index).delete(tile, NEVER);
      }
      const tiles = { ...finished(2, before), isSamePlan: false, indices: () => [0, 1, 2, 3] };
      const version = await store.assemble(tiles, NEVER);
      expect(version).toMatchObject({ tiles: 16, records: { metatiles: 4 } });
      const found = await read(store);
      expect([...found.keys()].sort()).toStrictEqual(
        [0, 1, 2, 3].flatMap((index) => tilesOf(index).map(tilePath)).sort(),
      );
    });
  });
}
