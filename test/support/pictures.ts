import type { Raster } from '../../src/raster/raster.ts';

/** What tiles look like, as far as an encoder of pictures cares. */
export const NATURES = ['photographic', 'smooth', 'flat', 'palette', 'half-empty', 'uniform'] as const;
export type Nature = (typeof NATURES)[number];

/** Pixels along an area of one colour in a flat picture. */
const AREA = 18;

/** A stream of whole numbers below `limit`: the same for a seed on every machine. */
function createNumbers(seed: number): (limit: number) => number {
  let state = (seed * 2_654_435_761 + 12_345) >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** Random values at the corners of cells of `cell` pixels and straight lines between them: 0 … 255. */
function lattice(width: number, height: number, cell: number, seed: number): Float64Array {
  const number = createNumbers(seed);
  const columns = Math.ceil(width / cell) + 2;
  const corners = Array.from({ length: columns * (Math.ceil(height / cell) + 2) }, () => number(256));
  return Float64Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) / cell, Math.floor(i / width) / cell];
    const at = Math.floor(y) * columns + Math.floor(x);
    const [u, v] = [x % 1, y % 1];
    const above = corners[at]! * (1 - u) + corners[at + 1]! * u;
    return above * (1 - v) + (corners[at + columns]! * (1 - u) + corners[at + columns + 1]! * u) * v;
  });
}

/** Land seen from above: coarse and fine shapes common to all bands, and noise of each band's own. */
function photograph(width: number, height: number, bandCount: 1 | 3, seed: number): Uint8Array[] {
  const number = createNumbers(seed + 99);
  const shapes = [96, 24, 6, 3].map((cell, n) => lattice(width, height, cell, seed + n));
  const weights = [0.5, 0.25, 0.15, 0.1];
  return Array.from({ length: bandCount }, (_, b) =>
    Uint8Array.from({ length: width * height }, (_, i) => {
      const light = shapes.reduce((sum, shape, n) => sum + shape[i]! * weights[n]!, 0);
      return Math.min(255, Math.max(0, light * (0.9 - 0.1 * b) + 8 * b + number(9) - 4));
    }),
  );
}

/** Areas of one class with straight and ragged borders: each pixel has one of `values`. */
function classes(width: number, height: number, count: number, cell: number, seed: number): Uint8Array {
  const shape = lattice(width, height, cell, seed);
  const ragged = lattice(width, height, 6, seed + 1);
  return Uint8Array.from(shape, (value, i) => Math.floor(((0.92 * value + 0.08 * ragged[i]!) / 256) * count));
}

/**
 * A tile of one nature: uint8, opaque unless it is half empty; the same pixels for a seed on every machine.
 *
 * `flat` has some hundred areas of one colour each, more than a palette can hold; `palette` has 11 classes.
 */
export function pictureOf(nature: Nature, width: number, height: number, bandCount: 1 | 3, seed = 1): Raster {
  const mask = new Uint8Array(width * height).fill(255);
  const bands = bandsOf(nature, width, height, bandCount, seed);
  if (nature === 'half-empty') {
    for (let i = 0; i < mask.length; i++) if ((i % width) + Math.floor(i / width) / 2 > width * 0.7) mask[i] = 0;
    for (const band of bands) for (let i = 0; i < mask.length; i++) if (mask[i] === 0) band[i] = 0;
  }
  return { width, height, dtype: 'uint8', bands, mask };
}

function bandsOf(nature: Nature, width: number, height: number, bandCount: 1 | 3, seed: number): Uint8Array[] {
  if (nature === 'photographic' || nature === 'half-empty') return photograph(width, height, bandCount, seed);
  const valueAt = valuesOf(nature, width, height, bandCount, seed);
  return Array.from({ length: bandCount }, (_, b) =>
    Uint8Array.from({ length: width * height }, (_, i) => valueAt(b, i)),
  );
}

function valuesOf(
  nature: Exclude<Nature, 'photographic' | 'half-empty'>,
  width: number,
  height: number,
  bandCount: number,
  seed: number,
): (b: number, i: number) => number {
  if (nature === 'uniform') return (b) => 40 + 60 * b;
  if (nature === 'smooth') {
    const shapes = Array.from({ length: bandCount }, (_, b) => lattice(width, height, 80, seed + b));
    return (b, i) => shapes[b]![i]!;
  }
  const number = createNumbers(seed);
  const colours = Array.from({ length: 4096 * bandCount }, () => number(256));
  if (nature === 'palette') {
    const areas = classes(width, height, 11, 40, seed);
    return (b, i) => colours[areas[i]! * bandCount + b]!;
  }
  const columns = Math.ceil(width / AREA);
  return (b, i) => {
    const area = Math.floor(Math.floor(i / width) / AREA) * columns + Math.floor((i % width) / AREA);
    return colours[(area * bandCount + b) % colours.length]!;
  };
}
