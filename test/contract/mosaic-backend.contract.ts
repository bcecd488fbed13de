import { expect, test } from 'vitest';
import type { Bbox } from '../../src/geo/bbox.ts';
import type { MosaicBackend } from '../../src/mosaic/backend.ts';
import type { Scene } from '../../src/mosaic/scene.ts';
import { metatileOf, metatileTiles } from '../../src/tms/metatile.ts';
import { boxItem } from '../support/stac-items.ts';
import type { ServedItem } from '../support/stac-server.ts';

/** A catalog of one day: abutting and overlapping scenes, some at the antimeridian, more than a page of some APIs holds. */
export const CONTRACT_ITEMS: readonly ServedItem[] = [
  ...grid('a', 0, 0, 2).toReversed(),
  ...grid('b', 1, 1, 2),
  boxItem('east', [178, -2, 180, 2]),
  boxItem('west', [-180, -2, -178, 2]),
];

function grid(name: string, west: number, south: number, step: number): readonly ServedItem[] {
  return Array.from({ length: 16 }, (_, i) => {
    const [x, y] = [west + (i % 4) * step, south + Math.floor(i / 4) * step];
    const day = String(1 + (i % 3)).padStart(2, '0');
    return boxItem(`${name}${i}`, [x, y, x + step, y + step], { properties: { datetime: `2024-06-${day}T10:00:00Z` } });
  });
}

const signal = new AbortController().signal;

function ids(scenes: readonly Scene[]): readonly string[] {
  return scenes.map(({ itemId }) => itemId);
}

function overlap(item: ServedItem, [west, south, east, north]: Bbox): boolean {
  const [w = 0, s = 0, e = 0, n = 0] = item.bbox ?? [];
  return w < east && e > west && s < north && n > south;
}

/**
 * What every mosaic backend does, run on each: the same answer to a question whichever way it is put, in one order.
 *
 * @param openBackend - a backend over `CONTRACT_ITEMS`, sorted by `-properties.datetime`, with the asset `visual`
 */
export function mosaicBackendContract(openBackend: () => Promise<MosaicBackend>): void {
  test('states the field’s defaults', async () => {
    await using backend = await openBackend();
    expect(backend).toMatchObject({
      tileMatrixSet: 'WebMercatorQuad',
      minzoom: 0,
      maxzoom: 30,
      bounds: [-180, -90, 180, 90],
    });
  });

  test('gives the scenes that overlap a bbox, newest first, ties by ID', async () => {
    await using backend = await openBackend();
    const bbox: Bbox = [2.5, 1.5, 4.5, 5.5];
    const expected = CONTRACT_ITEMS.filter((item) => overlap(item, bbox)).toSorted((a, b) => {
      const [x, y] = [String(b.properties['datetime']), String(a.properties['datetime'])];
      return x === y ? (a.id < b.id ? -1 : 1) : x < y ? -1 : 1;
    });
    expect(expected.length).toBeGreaterThan(6);
    expect(ids(await backend.assetsForBbox(bbox, { signal }))).toEqual(expected.map(({ id }) => id));
  });

  test('gives a scene with its one asset, absolute, and a footprint', async () => {
    await using backend = await openBackend();
    const [scene] = await backend.assetsForPoint(0.5, 0.5, { signal });
    expect(scene).toMatchObject({
      itemId: 'a0',
      collection: 'scenes',
      datetime: '2024-06-01T10:00:00Z',
      bbox: [0, 0, 2, 2],
      assets: [{ key: 'visual', href: 'https://files.test/a0.tif' }],
    });
    expect(scene?.footprint?.type).toBe('MultiPolygon');
    expect(scene?.version).not.toBe('');
  });

  test('a tile gets the same with and without its metatile, from a fresh backend and a used one', async () => {
    const tiles = metatileTiles(metatileOf({ z: 8, x: 128, y: 127 }, 4));
    await using used = await openBackend();
    const whole = await used.assetsForMetatile(metatileOf({ z: 8, x: 128, y: 127 }, 4), { signal });
    await using alone = await openBackend();
    const seen = new Set<string>();
    for (const tile of tiles) {
      const scenes = ids(await used.assetsForTile(tile, { signal }));
      expect(ids(await alone.assetsForTile(tile, { signal }))).toEqual(scenes);
      expect(ids(whole).filter((id) => scenes.includes(id))).toEqual(scenes);
      for (const id of scenes) seen.add(id);
    }
    expect([...seen].toSorted()).toEqual(ids(whole).toSorted());
  });

  test('a point gets what its deepest tile gets', async () => {
    await using backend = await openBackend();
    for (const [lng, lat, count] of [
      [0.5, 0.5, 1],
      [3.3, 3.3, 2],
      [-20, 40, 0],
    ] as const) {
      expect(await backend.assetsForPoint(lng, lat, { signal })).toHaveLength(count);
    }
  });

  test('sees over the antimeridian', async () => {
    await using backend = await openBackend();
    expect(ids(await backend.assetsForBbox([179, -1, -179, 1], { signal }))).toEqual(['east', 'west']);
    expect(ids(await backend.assetsForTile({ z: 6, x: 0, y: 31 }, { signal }))).toEqual(['east', 'west']);
    expect(ids(await backend.assetsForTile({ z: 6, x: 1, y: 31 }, { signal }))).toEqual([]);
  });

  test('nothing there is an empty list; an address that cannot be is an error', async () => {
    await using backend = await openBackend();
    expect(await backend.assetsForTile({ z: 5, x: 3, y: 3 }, { signal })).toEqual([]);
    await expect(backend.assetsForTile({ z: 5, x: 32, y: 3 }, { signal })).rejects.toMatchObject({
      code: 'TILE_OUT_OF_RANGE',
    });
  });

  test('an aborted question rejects with the reason', async () => {
    await using backend = await openBackend();
    const aborted = AbortSignal.abort();
    const asked = backend.assetsForTile({ z: 5, x: 16, y: 15 }, { signal: aborted });
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
  });
}
