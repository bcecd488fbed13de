import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import type { MosaicBackend } from '../../../src/mosaic/backend.ts';
import type { Scene } from '../../../src/mosaic/scene.ts';
import { readPoint } from '../../../src/render/point.ts';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { RenderOptions } from '../../../src/render/tile-renderer.ts';
import type { ItemBand } from '../../../src/stac/item-bands.ts';
import { tileBbox } from '../../../src/tms/web-mercator-quad.ts';
import { createMemoryMosaic, gridScene } from '../../support/memory-mosaic.ts';
import type { MemoryScene } from '../../support/memory-mosaic.ts';

const NEVER = { signal: new AbortController().signal };
const TILE = { z: 5, x: 8, y: 10 };
const OPTIONS: RenderOptions = {
  tileSize: 256,
  bidx: null,
  nodata: 'item',
  unscale: 'item',
  rescale: [[0, 1]],
  pixelSelection: 'mean',
  resampling: 'bilinear',
  format: 'png',
};

/** A scene of one value, with the item's nodata in the left half. */
function scene(id: string, value: number, nodata: number): MemoryScene {
  const bands = (_: number, col: number): readonly number[] => [col < 128 ? nodata : value];
  return gridScene({ id, ...TILE, columns: 1, rows: 1, dtype: 'uint16', bands });
}

/** The backend of a mosaic whose items say something of their bands. */
function withBands(backend: MosaicBackend, stated: Readonly<Record<string, ItemBand>>): MosaicBackend {
  const known = new Map<Scene, Scene>();
  const add = (one: Scene): Scene => {
    const assets = one.assets.map((asset) => ({
      ...asset,
      bands: { kind: 'each', bands: [stated[one.itemId]!] } as const,
    }));
    const added = known.get(one) ?? { ...one, assets };
    known.set(one, added);
    return added;
  };
  return {
    ...backend,
    assetsForMetatile: async (...args) => (await backend.assetsForMetatile(...args)).map(add),
    assetsForTile: async (...args) => (await backend.assetsForTile(...args)).map(add),
    assetsForPoint: async (...args) => (await backend.assetsForPoint(...args)).map(add),
  };
}

/** Reflectances of 0.2 in two processing baselines, and different values for no data. */
const SCENES = [scene('baseline-04', 3000, 0), scene('baseline-02', 2000, 65_535)];
const STATED = {
  'baseline-04': { scale: 0.0001, offset: -0.1, nodata: 0 },
  'baseline-02': { scale: 0.0001, offset: 0, nodata: 65_535 },
};

describe('scenes of different offset and nodata', () => {
  test('are one mosaic by what their items say', async () => {
    await using mosaic = createMemoryMosaic(SCENES);
    const backend = withBands(mosaic.backend, STATED);
    const encoded = await createTileRenderer({ ...mosaic, backend, options: OPTIONS }).renderTile(TILE, NEVER);
    const picture = sharp(encoded!.bytes).toColourspace('srgb').ensureAlpha().raw();
    const { data } = await picture.toBuffer({ resolveWithObject: true });
    expect([...data.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
    expect([...data.subarray(200 * 4, 200 * 4 + 4)]).toEqual([51, 51, 51, 255]);
  });

  test('have the same value at a point', async () => {
    await using mosaic = createMemoryMosaic(SCENES);
    const backend = withBands(mosaic.backend, STATED);
    const [west, south, east, north] = tileBbox(TILE);
    const at = (share: number) => ({ lng: west + (east - west) * share, lat: (south + north) / 2 });
    const found = await readPoint({ ...mosaic, backend, options: OPTIONS }, at(0.75), NEVER);
    expect(found.scenes.map(({ values }) => values?.map((value) => Math.round(value * 1e6) / 1e6))).toEqual([
      [0.2],
      [0.2],
    ]);
    expect((await readPoint({ ...mosaic, backend, options: OPTIONS }, at(0.25), NEVER)).values).toBeNull();
  });
});
