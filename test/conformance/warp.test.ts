import { readFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Affine } from '../../src/geo/affine.ts';
import type { Bounds } from '../../src/geo/bbox.ts';
import { createRaster, type Dtype, type Raster } from '../../src/raster/raster.ts';
import type { Resampling } from '../../src/raster/resample.ts';
import { compareTiles, decodeExpected, faultsOf, fillTile, type TileCase } from './compare-tiles.ts';
import { memoryCog } from '../support/memory-cog.ts';

interface WarpCase {
  readonly epsg: number;
  readonly transform: Affine;
  readonly bounds: Bounds;
  readonly kernel: Resampling;
  readonly scale: number;
  readonly dtype: Dtype;
  readonly bands: number;
  readonly valid: number;
}

interface Manifest {
  readonly gdal: string;
  readonly width: number;
  readonly height: number;
  readonly size: number;
  readonly cases: readonly WarpCase[];
}

const folder = new URL('arrays/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('warp.json', folder), 'utf8')) as Manifest;
const packed = gunzipSync(readFileSync(new URL('warp.bin.gz', folder)));

/** The formula of make-warp.py: noise, with a wedge of nodata in the upper left corner and a hole. */
function sourceOf({ dtype, bands }: WarpCase): Raster {
  const { width, height } = manifest;
  const raster = createRaster(width, height, dtype, bands);
  for (let row = 0; row < height; row++) {
    for (let col = 0; col < width; col++) {
      const at = row * width + col;
      raster.mask[at] = col + 2 * row < 20 || (col === 30 && row === 25) ? 0 : 255;
      raster.bands.forEach((band, b) => {
        const key = Math.imul(col, 73856093) ^ Math.imul(row, 19349663) ^ Math.imul(b, 83492791);
        const noise = (Math.imul(key, 2654435761) >>> 16) & 0xff;
        if (dtype === 'uint8') band[at] = 1 + (noise % 255);
        else if (dtype === 'uint16') band[at] = 1 + noise * 20;
        else band[at] = dtype === 'int16' ? noise * 20 - 2500 : noise * 0.125 + 1000;
      });
    }
  }
  return raster;
}

let offset = 0;
const cases = manifest.cases.map((warpCase) => {
  const bytesPerSample = createRaster(1, 1, warpCase.dtype, 1).bands[0]!.BYTES_PER_ELEMENT;
  const length = manifest.size ** 2 * (warpCase.bands * bytesPerSample + 1);
  const bytes = gzipSync(packed.subarray(offset, offset + length));
  offset += length;
  return { ...warpCase, bytes };
});

describe(`committed arrays of GDAL ${manifest.gdal}`, () => {
  test('hold what the manifest says', () => {
    expect(offset).toBe(packed.length);
    expect(cases.length).toBe(180);
    expect(cases.every(({ valid }) => valid > 0)).toBe(true);
  });

  test.each(cases)('EPSG:$epsg $dtype $kernel, scale $scale', async (warpCase) => {
    const tile: TileCase = {
      grid: { bounds: warpCase.bounds, width: manifest.size, height: manifest.size },
      resampling: warpCase.kernel,
      bands: warpCase.bands,
      dtype: warpCase.dtype,
      nodata: null,
    };
    const { epsg, transform } = warpCase;
    const cog = memoryCog({ crs: { kind: 'epsg', code: epsg }, transform, levels: [sourceOf(warpCase)] });
    const found = compareTiles(await fillTile([cog], tile), decodeExpected(warpCase.bytes, tile), warpCase.kernel);
    expect(faultsOf(found, warpCase.kernel)).toEqual([]);
  });
});
