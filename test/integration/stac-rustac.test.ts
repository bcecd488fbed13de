import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WORLD_BBOX } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { createDynamicStacBackend } from '../../src/mosaic/dynamic-stac-backend.ts';
import type { DynamicStacBackend, StacMosaicSource } from '../../src/mosaic/dynamic-stac-backend.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import { metatileOf, metatileTiles } from '../../src/tms/metatile.ts';
import { CONTRACT_ITEMS, mosaicBackendContract } from '../contract/mosaic-backend.contract.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { findRealData } from '../support/real-data.ts';
import { startRustac } from '../support/rustac.ts';
import type { Rustac } from '../support/rustac.ts';

const signal = new AbortController().signal;

function open(
  url: string,
  mosaic: Partial<StacMosaicSource> = {},
  assets: readonly string[] = ['visual'],
): DynamicStacBackend & { readonly counters: IoCounters } {
  const counters = createIoCounters();
  const backend = createDynamicStacBackend({
    mosaic: { url, query: {}, sortby: ['-properties.datetime'], limit: 100, maxItems: 1000, ...mosaic },
    assets,
    onMissingAsset: 'skip',
    counters,
  });
  return Object.assign(backend, { counters });
}

describe('over rustac', () => {
  let api: Rustac;

  beforeAll(async () => {
    api = await startRustac(CONTRACT_ITEMS);
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => api[Symbol.asyncDispose]());

  mosaicBackendContract(async () => open(api.url, { query: { collections: ['scenes'] }, limit: 3 }));

  test('one search for a metatile and its tiles, and one for each further page', async () => {
    await using backend = open(api.url, { limit: 5 });
    const metatile = metatileOf({ z: 6, x: 32, y: 31 }, 8);
    const scenes = await backend.assetsForMetatile(metatile, { signal });
    expect(scenes.length).toBeGreaterThan(20);
    expect(backend.counters.searches).toBe(Math.ceil(scenes.length / 5));
    for (const tile of metatileTiles(metatile)) await backend.assetsForTile(tile, { signal });
    expect(backend.counters.searches).toBe(Math.ceil(scenes.length / 5));
  });

  test('what it refuses is told in its own words', async () => {
    await using backend = open(api.url, { query: { datetime: 'yesterday' } });
    await expect(backend.assetsForBbox(WORLD_BBOX, { signal })).rejects.toMatchObject({
      code: 'STAC_RESPONSE_INVALID',
    });
  });

  test('too many items', async () => {
    await using backend = open(api.url, { limit: 3, maxItems: 10 });
    await expect(backend.assetsForBbox(WORLD_BBOX, { signal })).rejects.toMatchObject({
      code: 'MOSAIC_TOO_MANY_ASSETS',
    });
  });
});

/** Catalogs to ask on top of our own: what a bbox must give, in order. */
interface Catalog {
  readonly name: string;
  readonly items: readonly unknown[];
  readonly assets: readonly string[];
  readonly mosaic: Partial<StacMosaicSource>;
  readonly bbox: Bbox;
  readonly expected: readonly string[];
}

const OWN: Catalog = {
  name: 'our own items',
  items: CONTRACT_ITEMS,
  assets: ['visual'],
  mosaic: { sortby: ['id'] },
  bbox: [0.2, 0.2, 0.8, 0.8],
  expected: ['a0'],
};

function realCatalogs(folder: string | null): readonly Catalog[] {
  if (folder === null) return [];
  const world = readFileSync(join(folder, 'world-mosaic/items.json'), 'utf8').trim().split('\n');
  const sentinel = readdirSync(join(folder, 's2-33TW-mosaic'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('L2A.json'),
  );
  return [
    {
      name: 'world-mosaic: scenes that abut without overlap',
      items: world.map((line) => JSON.parse(line) as unknown),
      assets: ['asset'],
      mosaic: { sortby: ['id'], limit: 4 },
      bbox: [-100, 0, -90, 10],
      expected: ['world_0_0', 'world_0_5000', 'world_5000_0', 'world_5000_5000'],
    },
    {
      name: 's2-33TW-mosaic: one day of two',
      items: sentinel.map((name) => JSON.parse(readFileSync(join(folder, 's2-33TW-mosaic', name), 'utf8')) as unknown),
      assets: ['red', 'green', 'blue'],
      mosaic: { query: { collections: ['sentinel-2-l2a'], datetime: '2023-08-15T00:00:00Z/2023-08-16T00:00:00Z' } },
      bbox: [15, 45.06, 16.46, 46.96],
      expected: ['S2A_33TWL_20230815_0_L2A', 'S2A_33TWM_20230815_0_L2A'],
    },
  ];
}

describe.each([OWN, ...realCatalogs(findRealData())])('$name', ({ items, assets, mosaic, bbox, expected }) => {
  let api: Rustac;

  beforeAll(async () => {
    api = await startRustac(items);
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => api[Symbol.asyncDispose]());

  test('a bbox gives the scenes expected, by the landing page and by the endpoint', async () => {
    for (const url of [api.url, `${api.url}/search`]) {
      await using backend = open(url, mosaic, assets);
      const scenes = await backend.assetsForBbox(bbox, { signal });
      expect(scenes.map(({ itemId }) => itemId)).toEqual(expected);
      expect(scenes.every((scene) => scene.assets.length === assets.length)).toBe(true);
    }
  });

  test('every scene of the world is found at zoom 0 and again in the tiles below', async () => {
    await using backend = open(api.url, mosaic, assets);
    const all = await backend.assetsForTile({ z: 0, x: 0, y: 0 }, { signal });
    const below = new Set<string>();
    for (const tile of metatileTiles({ z: 3, x: 0, y: 0, size: 8 })) {
      for (const { itemId } of await backend.assetsForTile(tile, { signal })) below.add(itemId);
    }
    expect([...below].toSorted()).toEqual(all.map(({ itemId }) => itemId).toSorted());
    expect(backend.counters.searches).toBe(Math.max(1, Math.ceil(all.length / (mosaic.limit ?? 100))));
  });
});
