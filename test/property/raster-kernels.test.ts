import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createGridMapping,
  createSeparableMapping,
  type InverseMapping,
  type Project,
} from '../../src/raster/inverse-mapping.ts';
import { createRaster, type Dtype, type Raster } from '../../src/raster/raster.ts';
import type { Resampling } from '../../src/raster/resample.ts';
import type { WarpInput, WarpKernel } from '../../src/raster/warp-input.ts';
import { createTypescriptKernel } from '../../src/raster/warp-typescript.ts';
import { createWasmKernel } from '../../src/raster/warp-wasm.ts';

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

const RANGES: Readonly<Record<Dtype, readonly [min: number, max: number]>> = {
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  uint32: [0, 4_294_967_295],
  int32: [-2_147_483_648, 2_147_483_647],
  float32: [-1e6, 1e6],
  float64: [-1e300, 1e300],
};

/** What pictures look like: noise over the whole range, a few values near one another, only extremes, all the same. */
const PICTURES = ['noise', 'dim', 'extremes', 'flat'] as const;
/** What their masks look like. */
const MASKS = ['full', 'holes', 'half', 'alpha', 'sparse', 'none'] as const;

interface SourceCase {
  readonly width: number;
  readonly height: number;
  readonly dtype: Dtype;
  readonly bandCount: number;
  readonly picture: (typeof PICTURES)[number];
  readonly mask: (typeof MASKS)[number];
  readonly seed: number;
}

function sourceOf({ width, height, dtype, bandCount, picture, mask, seed }: SourceCase): Raster {
  const raster = createRaster(width, height, dtype, bandCount);
  const random = randomOf(seed);
  const [min, max] = RANGES[dtype];
  const values = {
    noise: () => min + random() * (max - min),
    dim: () => Math.floor(random() * 4),
    extremes: () => (random() < 0.5 ? min : max),
    flat: () => 7,
  } as const;
  for (const band of raster.bands) for (let n = 0; n < band.length; n++) band[n] = values[picture]();
  const opacities = {
    full: () => 255,
    holes: () => (random() < 0.02 ? 0 : 255),
    half: (n: number) => (n % width < width / 2 ? 0 : 255),
    alpha: () => Math.floor(random() * 256),
    sparse: () => (random() < 0.1 ? 255 : 0),
    none: () => 0,
  } as const;
  for (let n = 0; n < raster.mask.length; n++) raster.mask[n] = opacities[mask](n);
  // What lies under mask 0 must not show, whatever it is.
  if (dtype === 'float32' || dtype === 'float64') {
    for (const band of raster.bands) raster.mask.forEach((value, n) => (band[n] = value === 0 ? Number.NaN : band[n]!));
  }
  return raster;
}

/** Ways from the destination to the source. */
const WAYS = [
  'affine grid',
  'separable',
  'fitting',
  'fitting grid',
  'exact grid',
  'curved grid',
  'broken grid',
] as const;

interface MappingCase {
  readonly way: (typeof WAYS)[number];
  readonly width: number;
  readonly height: number;
  readonly factor: number;
  readonly turn: number;
  readonly from: readonly [x: number, y: number];
}

function mappingOf(
  { way, width, height, factor, turn, from }: MappingCase,
  source: SourceCase,
  [col, row]: readonly [col: number, row: number] = [0, 0],
): InverseMapping {
  const [cos, sin] = [Math.cos(turn) * factor, Math.sin(turn) * factor];
  const affine = (x: number, y: number) => [x * cos - y * sin + from[0], x * sin + y * cos + from[1]] as const;
  const each =
    (place: (x: number, y: number) => readonly [x: number, y: number]): Project =>
    (xs, ys) =>
      xs.forEach((x, i) => ([xs[i], ys[i]] = place(x, ys[i]!)));
  if (way === 'separable') {
    const project = each((x, y) => [x * factor + from[0], y * -factor + from[1] + height * factor]);
    return createSeparableMapping(project, width, height);
  }
  // All of these lie in the source or hardly leave it.
  const margin = Math.abs(from[0]) % 1.2;
  const [stepX, stepY] = [source.width, source.height].map((size) => Math.max(0, size - 2 * margin)) as [
    number,
    number,
  ];
  if (way === 'fitting') {
    const project = each((x, y) => [col + margin + (x / width) * stepX, row + margin + (y / height) * stepY]);
    return createSeparableMapping(project, width, height);
  }
  if (way === 'fitting grid') {
    const share = Math.abs(turn) / 4;
    const mixed = (a: number, b: number): number => a + (b - a) * share + (factor / 4000) * a * (1 - a);
    const project = each((x, y) => [
      col + margin + mixed(x / width, y / height) * stepX,
      row + margin + mixed(y / height, x / width) * stepY,
    ]);
    return createGridMapping(project, width, height, false);
  }
  if (way === 'affine grid' || way === 'exact grid') {
    return createGridMapping(each(affine), width, height, way === 'exact grid');
  }
  const curved = (x: number, y: number) => {
    const [a, b] = affine(x, y);
    return [a + 0.004 * a * b * 0.01, b + 0.003 * a * a * 0.01] as const;
  };
  if (way === 'curved grid') return createGridMapping(each(curved), width, height, false);
  // As across the antimeridian: positions jump by the width of the image, and some have no image.
  const broken = (x: number, y: number) => {
    const [a, b] = curved(x, y);
    if (b > source.height * 0.9) return [Number.NaN, Number.NaN] as const;
    return [a > source.width / 2 ? a - source.width : a, b] as const;
  };
  return createGridMapping(each(broken), width, height, true);
}

const sources = fc.record({
  width: fc.integer({ min: 1, max: 180 }),
  height: fc.integer({ min: 1, max: 120 }),
  dtype: fc.constantFrom<Dtype>('uint8', 'int8', 'uint16', 'int16', 'float32', 'uint32', 'int32', 'float64'),
  bandCount: fc.integer({ min: 1, max: 5 }),
  picture: fc.constantFrom(...PICTURES),
  mask: fc.constantFrom(...MASKS),
  seed: fc.integer(),
});

/** Numbers of any size in a range, and those with short fractions, of which values lie half way between two others. */
const between = (min: number, max: number) =>
  fc.oneof(
    fc.double({ min, max, noNaN: true }),
    fc.integer({ min: Math.ceil(min * 4), max: Math.floor(max * 4) }).map((n) => n / 4),
  );

const mappings = fc.record({
  way: fc.constantFrom(...WAYS),
  width: fc.integer({ min: 1, max: 70 }),
  height: fc.integer({ min: 1, max: 70 }),
  factor: between(0.25, 4),
  turn: fc.oneof(fc.constant(0), fc.double({ min: -3.2, max: 3.2, noNaN: true })),
  from: fc.tuple(between(-30, 60), between(-30, 60)),
});

function linesOf(kernel: WarpKernel, height: number, split: number): { raster: Raster; valid: number } {
  let valid = 0;
  for (let line = 0; line < height; line += split) valid += kernel.run(line, Math.min(line + split, height));
  return { raster: kernel.result(), valid };
}

/** The first sample that differs, bit by bit; samples under mask 0 carry no meaning. */
function difference(a: Raster, b: Raster): unknown {
  const planes = [[a.mask, b.mask], ...a.bands.map((band, i) => [band, b.bands[i]!] as const)] as const;
  for (const [plane, [found, wanted]] of planes.entries()) {
    for (let n = 0; n < wanted.length; n++) {
      if (plane > 0 && b.mask[n] === 0) continue;
      if (!Object.is(found[n], wanted[n])) return { plane, n, found: found[n], wanted: wanted[n], mask: b.mask[n] };
    }
  }
  return null;
}

const KERNELS: readonly { readonly resampling: Resampling; readonly widened: boolean }[] = [
  { resampling: 'nearest', widened: false },
  { resampling: 'bilinear', widened: false },
  { resampling: 'cubic', widened: false },
  { resampling: 'average', widened: false },
  { resampling: 'bilinear', widened: true },
  { resampling: 'cubic', widened: true },
];

const cases = fc.record({
  source: sources,
  mapping: mappings,
  origin: fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 })),
  split: fc.integer({ min: 1, max: 70 }),
  scale: fc.tuple(fc.double({ min: 0.1, max: 0.95, noNaN: true }), fc.double({ min: 0.1, max: 1.5, noNaN: true })),
});

describe.each(KERNELS)('$resampling in WebAssembly (widened: $widened)', ({ resampling, widened }) => {
  test('gives bit by bit what it gives in TypeScript', () => {
    let compared = 0;
    fc.assert(
      fc.property(cases, ({ source: sourceCase, mapping: mappingCase, origin, split, scale }) => {
        // Boxes have to lie in the window, the reach of other kernels may be cut.
        const [col, row, below] = resampling === 'average' ? ([0, 0, 0] as const) : ([...origin, 5] as const);
        const source = sourceOf(sourceCase);
        const input: WarpInput = {
          source,
          window: { col, row, width: source.width, height: source.height },
          imageWidth: source.width + col,
          imageHeight: source.height + row + below,
          width: mappingCase.width,
          height: mappingCase.height,
          mapping: mappingOf(mappingCase, sourceCase, [col, row]),
          resampling,
          scale: widened ? { x: scale[0], y: scale[1], antialias: true } : { x: 1, y: 1 },
        };
        const kernel = createWasmKernel(input);
        if (kernel === null) return;
        compared++;
        const wanted = linesOf(createTypescriptKernel(input), input.height, input.height);
        const { raster, valid } = linesOf(kernel, input.height, split);
        expect(valid).toBe(wanted.valid);
        expect(raster.dtype).toBe(source.dtype);
        expect(difference(raster, wanted.raster)).toBeNull();
      }),
      { numRuns: widened ? 300 : 800 },
    );
    expect(compared).toBeGreaterThan(100);
  }, 120_000);
});

test('lines that leave the window behind their last node are weighed at its edge', () => {
  const look = { dtype: 'uint8', bandCount: 3, picture: 'noise', mask: 'full', seed: 5 } as const;
  const sourceCase: SourceCase = { ...look, width: 40, height: 60 };
  const source = sourceOf(sourceCase);
  for (let width = 50; width <= 64; width++) {
    const mappingCase = { way: 'affine grid', width, height: 48, factor: 0.65, turn: 0.01, from: [1.5, 1] } as const;
    const input: WarpInput = {
      source,
      window: { col: 0, row: 0, width: source.width, height: source.height },
      imageWidth: source.width,
      imageHeight: source.height,
      width,
      height: mappingCase.height,
      mapping: mappingOf(mappingCase, sourceCase),
      resampling: 'bilinear',
      scale: { x: 1, y: 1 },
    };
    const wanted = linesOf(createTypescriptKernel(input), input.height, input.height);
    const found = linesOf(createWasmKernel(input)!, input.height, input.height);
    expect(found.valid).toBe(wanted.valid);
    expect(difference(found.raster, wanted.raster)).toBeNull();
  }
});

test('two warps whose runs take turns do not disturb one another', () => {
  const look = { dtype: 'uint8', bandCount: 4, picture: 'noise', mask: 'holes' } as const;
  const sourceCase: SourceCase = { ...look, width: 60, height: 50, seed: 3 };
  const mappingCase: MappingCase = { way: 'affine grid', width: 40, height: 40, factor: 1.1, turn: 0.1, from: [3, 2] };
  const inputs = (['bilinear', 'average', 'nearest', 'cubic'] as const).map((resampling, i): WarpInput => {
    const source = sourceOf({ ...sourceCase, seed: i });
    return {
      source,
      window: { col: 0, row: 0, width: source.width, height: source.height },
      imageWidth: source.width,
      imageHeight: source.height,
      width: mappingCase.width,
      height: mappingCase.height,
      mapping: mappingOf({ ...mappingCase, turn: i / 10 }, sourceCase),
      resampling,
      scale: { x: 1, y: 1 },
    };
  });
  const kernels = inputs.map((input) => createWasmKernel(input)!);
  for (let line = 0; line < 40; line += 8) for (const kernel of kernels) kernel.run(line, line + 8);
  inputs.forEach((input, i) => {
    const wanted = linesOf(createTypescriptKernel(input), 40, 40);
    expect(difference(kernels[i]!.result(), wanted.raster)).toBeNull();
  });
});
