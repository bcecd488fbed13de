import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createPixelSelection } from '../../src/mosaic/pixel-selection/registry.ts';
import type { PixelSelectionName } from '../../src/mosaic/pixel-selection/registry.ts';
import { bytesPerSample, createSamples, isIntegerDtype } from '../../src/raster/raster.ts';
import type { Dtype, Raster, Samples } from '../../src/raster/raster.ts';

interface Manifest {
  readonly rioTiler: string;
  readonly size: number;
  readonly bands: number;
  readonly stacks: readonly {
    readonly dtype: Dtype;
    readonly range: readonly [number, number];
    readonly scenes: number;
    readonly results: readonly { readonly method: PixelSelectionName; readonly dtype: Dtype; readonly bands: number }[];
  }[];
}

interface Expected {
  readonly dtype: Dtype;
  readonly scenes: readonly Raster[];
  readonly range: readonly [number, number];
  readonly method: PixelSelectionName;
  readonly raster: Raster;
}

const folder = new URL('arrays/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('selection.json', folder), 'utf8')) as Manifest;
const packed = gunzipSync(readFileSync(new URL('selection.bin.gz', folder)));
const { size } = manifest;
let offset = 0;

function nextSamples(dtype: Dtype): Samples {
  const samples = createSamples(dtype, size * size);
  new Uint8Array(samples.buffer).set(packed.subarray(offset, offset + samples.byteLength));
  offset += size * size * bytesPerSample(dtype);
  return samples;
}

function nextRaster(dtype: Dtype, bandCount: number): Raster {
  const bands = Array.from({ length: bandCount }, () => nextSamples(dtype));
  const mask = Uint8Array.from(nextSamples('uint8'));
  return { width: size, height: size, dtype, bands, mask };
}

const cases = manifest.stacks.flatMap(({ dtype, range, scenes: count, results }): readonly Expected[] => {
  const scenes = Array.from({ length: count }, () => nextRaster(dtype, manifest.bands));
  return results.map(({ method, dtype: resultDtype, bands }) => {
    return { dtype, range, scenes, method, raster: nextRaster(resultDtype, bands) };
  });
});

/** What rio-tiler's value is here, where Tilewright makes something else of it on purpose. */
function ours({ method, dtype }: Expected, value: number): number {
  // rio-tiler truncates a mean and a median to integers; here they are rounded half up.
  return (method === 'mean' || method === 'median') && isIntegerDtype(dtype) ? Math.floor(value + 0.5) : value;
}

/** Floats are added in another order, and by numpy in the precision of the scenes. */
function tolerance({ method, dtype }: Expected): number {
  if (!['mean', 'sum', 'stdev', 'median'].includes(method)) return 0;
  if (dtype === 'float32') return 1e-6;
  return method === 'stdev' ? 1e-12 : 1e-15;
}

function faultsOf(expected: Expected): readonly string[] {
  const { method, scenes, raster, dtype, range } = expected;
  const shape = { width: size, height: size, bandCount: manifest.bands, dtype };
  // rio-tiler compares each band for itself.
  const bandRule = method === 'highest' || method === 'lowest' ? 'band' : 'pixel';
  const selection = createPixelSelection(method, shape, { bandRule });
  for (const scene of scenes) selection.feed(structuredClone(scene), { col: 0, row: 0 });
  const found = selection.result();
  const faults: string[] = [];
  if (found?.bands.length !== raster.bands.length) return [`${found?.bands.length ?? 0} bands`];
  const allowed = tolerance(expected) * Math.max(...range.map(Math.abs)) * scenes.length;
  for (let i = 0; i < size * size; i++) {
    // rio-tiler's count is valid where it is 0; here nothing is made valid.
    const mask = method === 'count' && raster.bands[0]![i] === 0 ? 0 : raster.mask[i];
    if (found.mask[i] !== mask) faults.push(`mask ${i}: ${found.mask[i]}, expected ${mask}`);
    for (let b = 0; b < raster.bands.length; b++) {
      const value = ours(expected, raster.bands[b]![i]!);
      const difference = Math.abs(found.bands[b]![i]! - value);
      if (difference > allowed) faults.push(`band ${b}, ${i}: ${found.bands[b]![i]}, expected ${value}`);
    }
  }
  return faults;
}

describe(`mosaic methods of rio-tiler ${manifest.rioTiler}`, () => {
  test('the arrays are those that the manifest names', () => {
    expect(offset).toBe(packed.length);
    expect(cases).toHaveLength(80);
    for (const { raster } of cases) expect(raster.mask.filter((alpha) => alpha > 0).length).toBeGreaterThan(20);
  });

  test.each(cases.map((each) => [each.method, each.dtype, String(each.range), each] as const))(
    '%s of %s in %s',
    (_method, _dtype, _range, expected) => {
      expect(faultsOf(expected)).toEqual([]);
    },
  );

  test.each(['highest', 'lowest'] as const)('%s by pixels is a pixel of a scene, where rio-tiler mixes', (method) => {
    const { scenes, raster } = cases.find((each) => each.method === method)!;
    const shape = { width: size, height: size, bandCount: manifest.bands, dtype: 'uint8' } as const;
    const selection = createPixelSelection(method, shape);
    for (const scene of scenes) selection.feed(structuredClone(scene), { col: 0, row: 0 });
    const isOfOneScene = ({ bands }: Raster, i: number): boolean =>
      scenes.some((scene) => scene.mask[i] === 255 && scene.bands.every((band, b) => band[i] === bands[b]![i]));
    const valid = [...raster.mask.keys()].filter((i) => raster.mask[i] === 255);
    const found = selection.result()!;
    expect(valid.filter((i) => !isOfOneScene(found, i))).toEqual([]);
    expect(valid.filter((i) => !isOfOneScene(raster, i)).length).toBeGreaterThan(5);
  });
});
