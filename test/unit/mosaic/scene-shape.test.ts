import { describe, expect, test } from 'vitest';
import { openScene } from '../../../src/mosaic/scene-reader.ts';
import { joinDtypes, joinShapes, toShape } from '../../../src/mosaic/scene-shape.ts';
import type { SceneShape } from '../../../src/mosaic/scene-shape.ts';
import { createRaster } from '../../../src/raster/raster.ts';
import type { Dtype } from '../../../src/raster/raster.ts';
import { memoryCog } from '../../support/memory-cog.ts';

const RGB: SceneShape = { bandCount: 3, dtype: 'uint8', isPaletted: false };
const GREY: SceneShape = { ...RGB, bandCount: 1 };
const INDICES: SceneShape = { ...GREY, isPaletted: true };

describe('joining shapes', () => {
  test.each<readonly [Dtype, Dtype, Dtype]>([
    ['uint8', 'uint8', 'uint8'],
    ['uint8', 'uint16', 'uint16'],
    ['uint8', 'int8', 'int16'],
    ['uint8', 'int16', 'int16'],
    ['uint16', 'int16', 'int32'],
    ['uint16', 'int32', 'int32'],
    ['uint32', 'int8', 'float64'],
    ['uint32', 'uint8', 'uint32'],
    ['uint16', 'float32', 'float32'],
    ['int32', 'float32', 'float64'],
    ['int8', 'float64', 'float64'],
    ['float32', 'float64', 'float64'],
  ])('%s and %s are %s, as in numpy', (a, b, both) => {
    expect([joinDtypes(a, b), joinDtypes(b, a)]).toEqual([both, both]);
  });

  test('grey and RGB are RGB; other numbers of bands do not go together', () => {
    expect(joinShapes(GREY, RGB)).toEqual(RGB);
    expect(joinShapes(RGB, { ...GREY, dtype: 'uint16' })).toEqual({ ...RGB, dtype: 'uint16' });
    for (const bandCount of [2, 4]) {
      expect(joinShapes(RGB, { ...RGB, bandCount })).toBeNull();
      expect(joinShapes({ ...RGB, bandCount }, GREY)).toBeNull();
    }
  });

  test('indices into a palette are not widened', () => {
    expect(joinShapes(INDICES, INDICES)).toEqual(INDICES);
    expect(joinShapes(INDICES, GREY)).toEqual(INDICES);
    expect(joinShapes(INDICES, RGB)).toBeNull();
    expect(joinShapes({ ...GREY, dtype: 'uint16' }, INDICES)).toBeNull();
  });

  test('a raster takes on a shape with its values and its mask', () => {
    const raster = {
      width: 2,
      height: 1,
      dtype: 'uint8',
      bands: [Uint8Array.of(7, 0)],
      mask: Uint8Array.of(255, 0),
    } as const;
    expect(toShape(raster, GREY)).toBe(raster);
    const wide = toShape(raster, { ...RGB, dtype: 'int16' });
    expect(wide).toEqual({ ...raster, dtype: 'int16', bands: [1, 2, 3].map(() => Int16Array.of(7, 0)) });
  });

  test('a file with a palette holds indices', async () => {
    const cog = memoryCog({
      crs: { kind: 'epsg', code: 3857 },
      transform: [1, 0, 0, 0, -1, 0],
      levels: [createRaster(1, 1, 'uint8', 1)],
    });
    const scene = {
      itemId: 'a',
      collection: null,
      datetime: null,
      version: '1',
      footprint: null,
      bbox: null,
      assets: [{ key: 'data', href: 'memory' }],
    };
    const { signal } = new AbortController();
    const shapes = await Promise.all(
      [null, [[255, 0, 0, 255] as const]].map(async (colormap) => {
        const open = async () => await Promise.resolve({ ...cog, colormap });
        return await openScene(scene, { open }, { bidx: null }, { signal });
      }),
    );
    expect(shapes.map(({ isPaletted }) => isPaletted)).toEqual([false, true]);
  });
});
