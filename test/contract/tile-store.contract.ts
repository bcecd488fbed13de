import { describe, expect, test } from 'vitest';
import type { PlainTileStore } from '../../src/store/tile-store.ts';
import type { Tile } from '../../src/tms/tile.ts';

/** A place that no test has used: the same store can be opened on it more than once, unless it lives in memory. */
export interface StorePlace {
  readonly open: () => Promise<PlainTileStore>;
  /** True if what one store writes is there for another opened on the same place. */
  readonly isShared: boolean;
}

const NEVER = { signal: new AbortController().signal };
const TILE: Tile = { z: 3, x: 5, y: 2 };

async function listed(store: PlainTileStore): Promise<string[]> {
  const paths: string[] = [];
  for await (const { z, x, y } of store.list(NEVER)) paths.push(`${z}/${x}/${y}`);
  return paths.sort();
}

/** What every tile store promises. */
export function describeTileStore(name: string, newPlace: () => Promise<StorePlace>): void {
  describe(`tile store: ${name}`, () => {
    test('gives back exactly the bytes that were put', async () => {
      await using store = await (await newPlace()).open();
      const bytes = Uint8Array.from({ length: 70_001 }, (_, i) => (i * 7) % 256);
      await store.put(TILE, bytes, NEVER);
      expect(Buffer.compare((await store.get(TILE, NEVER))!, bytes)).toBe(0);
    });

    test('takes bytes that are a part of a larger buffer', async () => {
      await using store = await (await newPlace()).open();
      await store.put(TILE, new Uint8Array([9, 9, 1, 2, 3, 9]).subarray(2, 5), NEVER);
      expect([...(await store.get(TILE, NEVER))!]).toEqual([1, 2, 3]);
    });

    test('an empty object is there, and is not nothing', async () => {
      await using store = await (await newPlace()).open();
      await store.put(TILE, new Uint8Array(), NEVER);
      expect((await store.get(TILE, NEVER))?.length).toBe(0);
    });

    test('nothing there is null, before and after anything is put', async () => {
      await using store = await (await newPlace()).open();
      expect(await store.get(TILE, NEVER)).toBeNull();
      expect(await store.getDocument('tilejson.json', NEVER)).toBeNull();
      await store.put(TILE, new Uint8Array([1]), NEVER);
      expect(await store.get({ ...TILE, y: 3 }, NEVER)).toBeNull();
      expect(await store.get({ ...TILE, z: 4 }, NEVER)).toBeNull();
    });

    test('putting again replaces, and putting the same twice is harmless', async () => {
      await using store = await (await newPlace()).open();
      await store.put(TILE, new Uint8Array([1, 2, 3]), NEVER);
      await store.put(TILE, new Uint8Array([4]), NEVER);
      await store.put(TILE, new Uint8Array([4]), NEVER);
      expect([...(await store.get(TILE, NEVER))!]).toEqual([4]);
      expect(await listed(store)).toEqual(['3/5/2']);
    });

    test('puts at the same time of the same tile leave one of them whole', async () => {
      await using store = await (await newPlace()).open();
      const versions = [1, 2, 3, 4].map((value) => new Uint8Array(50_000).fill(value));
      await Promise.all(versions.map((bytes) => store.put(TILE, bytes, NEVER)));
      const found = (await store.get(TILE, NEVER))!;
      expect(found.length).toBe(50_000);
      expect(new Set(found).size).toBe(1);
    });

    test('deletes, and deleting nothing succeeds', async () => {
      await using store = await (await newPlace()).open();
      await store.put(TILE, new Uint8Array([1]), NEVER);
      await store.delete(TILE, NEVER);
      expect(await store.get(TILE, NEVER)).toBeNull();
      await store.delete(TILE, NEVER);
      await store.delete({ z: 20, x: 1, y: 1 }, NEVER);
    });

    test('lists all tiles and no document', async () => {
      await using store = await (await newPlace()).open();
      expect(await listed(store)).toEqual([]);
      const tiles = Array.from({ length: 30 }, (_, i) => ({ z: 10 + (i % 3), x: i * 31, y: 900 - i }));
      await Promise.all(tiles.map((tile) => store.put(tile, new Uint8Array([1]), NEVER)));
      await store.putDocument('tilejson.json', '{}', 'application/json', NEVER);
      expect(await listed(store)).toEqual(tiles.map(({ z, x, y }) => `${z}/${x}/${y}`).sort());
    });

    test('keeps parts apart from tiles, and forgets all of them at once', async () => {
      await using store = await (await newPlace()).open();
      await store.put(TILE, new Uint8Array([1]), NEVER);
      expect(await store.getPart(TILE, NEVER)).toBeNull();
      const parts = Array.from({ length: 20 }, (_, i) => ({ z: 6, x: i, y: 2 * i }));
      await Promise.all(parts.map((part) => store.putPart(part, new Uint8Array([7, part.x]), NEVER)));
      await store.putPart(parts[3]!, new Uint8Array([8]), NEVER);
      expect([...(await store.getPart(parts[3]!, NEVER))!]).toEqual([8]);
      expect([...(await store.getPart(parts[4]!, NEVER))!]).toEqual([7, 4]);
      expect(await listed(store)).toEqual([`${TILE.z}/${TILE.x}/${TILE.y}`]);
      await store.deleteStaged({ ...NEVER, keepParts: true });
      expect(await store.getPart(parts[3]!, NEVER)).not.toBeNull();
      await store.deleteStaged({ ...NEVER, keepParts: false });
      await store.deleteStaged({ ...NEVER, keepParts: false });
      expect(await Promise.all(parts.map((part) => store.getPart(part, NEVER)))).toEqual(parts.map(() => null));
      expect(await store.get(TILE, NEVER)).not.toBeNull();
    });

    test('keeps documents as text', async () => {
      await using store = await (await newPlace()).open();
      await store.putDocument('tilejson.json', '{"name":"Žiža 🗺"}', 'application/json', NEVER);
      expect(await store.getDocument('tilejson.json', NEVER)).toBe('{"name":"Žiža 🗺"}');
    });

    test.each(['../up.json', '/etc/passwd', '.hidden', 'a/b.json', '', 'a b', '..'])(
      'refuses the document name "%s"',
      async (path) => {
        await using store = await (await newPlace()).open();
        await expect(store.putDocument(path, '', 'text/plain', NEVER)).rejects.toMatchObject({
          code: 'REQUEST_INVALID',
        });
        await expect(store.getDocument(path, NEVER)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      },
    );

    test.each([-1, 1.5, NaN, Infinity, 1e9])('refuses a tile with the column %s', async (x) => {
      await using store = await (await newPlace()).open();
      await expect(store.put({ z: 1, x, y: 0 }, new Uint8Array(1), NEVER)).rejects.toMatchObject({
        code: 'TILE_OUT_OF_RANGE',
      });
    });

    test('does nothing for a signal that has aborted', async () => {
      await using store = await (await newPlace()).open();
      const aborted = { signal: AbortSignal.abort() };
      await expect(store.put(TILE, new Uint8Array([1]), aborted)).rejects.toMatchObject({ name: 'AbortError' });
      await expect(store.get(TILE, aborted)).rejects.toMatchObject({ name: 'AbortError' });
      expect(await store.get(TILE, NEVER)).toBeNull();
    });

    test('another store on the same place sees what one wrote, where the place is shared', async () => {
      const place = await newPlace();
      await using one = await place.open();
      await one.put(TILE, new Uint8Array([7]), NEVER);
      await using other = await place.open();
      expect((await other.get(TILE, NEVER))?.length).toBe(place.isShared ? 1 : undefined);
    });

    test('says where it is without credentials', async () => {
      await using store = await (await newPlace()).open();
      expect(store.label).not.toBe('');
      expect(store.label).not.toMatch(/secret|@/);
    });
  });
}
