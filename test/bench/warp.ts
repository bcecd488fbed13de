import { createGridMapping, createSeparableMapping, type Project } from '../../src/raster/inverse-mapping.ts';
import { createRaster, type Dtype } from '../../src/raster/raster.ts';
import type { Resampling } from '../../src/raster/resample.ts';
import { warp } from '../../src/raster/warp.ts';
import type { WarpInput } from '../../src/raster/warp-input.ts';
import { createTypescriptKernel } from '../../src/raster/warp-typescript.ts';

const SIZE = 256;
const ROUNDS = 60;

/** What a UTM scene looks like on a tile (a turn of one degree, by a grid), or one in EPSG:4326 or 3857. */
type Place = 'turned' | 'upright';

interface WarpCase {
  readonly dtype: Dtype;
  readonly bandCount: number;
  readonly resampling: Resampling;
  readonly reduction: number;
  readonly place: Place;
  /** Share of pixels without data, scattered. */
  readonly holes?: number;
}

const RGB = { dtype: 'uint8', bandCount: 3, reduction: 0.8, place: 'turned' } as const;
const UPRIGHT = { ...RGB, place: 'upright' } as const;

const CASES: readonly WarpCase[] = [
  { ...RGB, resampling: 'nearest' },
  { ...RGB, resampling: 'bilinear' },
  { ...RGB, resampling: 'bilinear', holes: 0.001 },
  { ...RGB, resampling: 'cubic' },
  { ...RGB, resampling: 'lanczos' },
  { ...RGB, resampling: 'average' },
  { ...RGB, resampling: 'mode', bandCount: 1, reduction: 2 },
  { ...RGB, resampling: 'median', bandCount: 1, reduction: 2 },
  { ...RGB, resampling: 'bilinear', dtype: 'uint16' },
  { ...RGB, resampling: 'bilinear', dtype: 'float32', bandCount: 1 },
  { ...RGB, resampling: 'bilinear', reduction: 4 },
  { ...RGB, resampling: 'average', reduction: 2 },
  { ...RGB, resampling: 'average', reduction: 4 },
  { ...UPRIGHT, resampling: 'nearest' },
  { ...UPRIGHT, resampling: 'bilinear' },
  { ...UPRIGHT, resampling: 'cubic' },
  { ...UPRIGHT, resampling: 'average' },
  { ...UPRIGHT, resampling: 'bilinear', reduction: 4 },
  // Last, so that the loops have seen every type of array: a process may render any of them.
  { ...RGB, resampling: 'bilinear', dtype: 'int16' },
  { ...RGB, resampling: 'bilinear', dtype: 'float64', bandCount: 1 },
  { ...RGB, resampling: 'bilinear' },
];

function projectOf({ place, reduction }: WarpCase): Project {
  const angle = place === 'turned' ? 0.0175 : 0;
  const [cos, sin] = [Math.cos(angle) * reduction, Math.sin(angle) * reduction];
  return (xs, ys) =>
    xs.forEach((x, i) => {
      const y = ys[i]!;
      [xs[i], ys[i]] = [x * cos - y * sin + 20, x * sin + y * cos + 10];
    });
}

/**
 * Milliseconds a 256 px tile takes to warp, as it is done (in WebAssembly where there is a kernel) and by the kernels in
 * TypeScript: median and least of 60 rounds after 10 that do not count, by turns.
 */
export async function benchWarp(): Promise<void> {
  const lines = [
    '',
    '| samples | kernel | mapping | source px per px | median ms | least ms | TypeScript: median | least |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const warpCase of CASES) {
    const [done, plain] = await measure(inputOf(warpCase));
    const { dtype, bandCount, resampling, reduction, place, holes } = warpCase;
    const kernel = holes === undefined ? resampling : `${resampling}, holes`;
    const times = [done.median, done.least, plain.median, plain.least].map((time) => time.toFixed(2));
    lines.push(`| ${dtype} x ${bandCount} | ${kernel} | ${place} | ${reduction} | ${times.join(' | ')} |`);
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

function inputOf(warpCase: WarpCase): WarpInput {
  const { dtype, bandCount, resampling, reduction, place, holes = 0 } = warpCase;
  const side = Math.ceil(SIZE * reduction) + 64;
  const source = createRaster(side, side, dtype, bandCount);
  source.mask.fill(255);
  if (holes > 0) for (let n = 0; n < source.mask.length; n += Math.round(1 / holes)) source.mask[n] = 0;
  for (const band of source.bands) for (let n = 0; n < band.length; n++) band[n] = (n * 7919) % 251;
  const project = projectOf(warpCase);
  return {
    source,
    window: { col: 0, row: 0, width: side, height: side },
    imageWidth: side,
    imageHeight: side,
    width: SIZE,
    height: SIZE,
    mapping:
      place === 'turned' ? createGridMapping(project, SIZE, SIZE, false) : createSeparableMapping(project, SIZE, SIZE),
    resampling,
    scale: { x: Math.min(1, 1 / reduction), y: Math.min(1, 1 / reduction) },
  };
}

function warpInTypescript(input: WarpInput): unknown {
  const kernel = createTypescriptKernel(input);
  return kernel.run(0, input.height) === 0 ? null : kernel.result();
}

async function measure(input: WarpInput) {
  const ways = [
    { times: [] as number[], run: warp },
    { times: [] as number[], run: warpInTypescript },
  ] as const;
  for (let round = -10; round < ROUNDS; round++) {
    for (const { times, run } of ways) {
      const started = performance.now();
      if (run(input) === null) throw new Error('the benchmark warps nothing');
      if (round >= 0) times.push(performance.now() - started);
      await new Promise(setImmediate);
    }
  }
  const summary = (times: number[]) => {
    times.sort((a, b) => a - b);
    return { median: times[ROUNDS >> 1]!, least: times[0]! };
  };
  return [summary(ways[0].times), summary(ways[1].times)] as const;
}
