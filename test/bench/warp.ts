import { createGridMapping, type Project } from '../../src/raster/inverse-mapping.ts';
import { createRaster, type Dtype } from '../../src/raster/raster.ts';
import type { Resampling } from '../../src/raster/resample.ts';
import { warp } from '../../src/raster/warp.ts';

const SIZE = 256;
const ROUNDS = 60;

/** A turn of one degree and a reduction: what a UTM scene looks like on a tile. */
function turned(reduction: number): Project {
  const [cos, sin] = [Math.cos(0.0175) * reduction, Math.sin(0.0175) * reduction];
  return (xs, ys) =>
    xs.forEach((x, i) => {
      const y = ys[i]!;
      [xs[i], ys[i]] = [x * cos - y * sin + 20, x * sin + y * cos + 10];
    });
}

/** Milliseconds a 256 px tile takes to warp: median and least of 60 rounds after 10 that do not count. */
export async function benchWarp(): Promise<void> {
  const cases: readonly (readonly [Dtype, number, Resampling, number])[] = [
    ['uint8', 3, 'nearest', 0.8],
    ['uint8', 3, 'bilinear', 0.8],
    ['uint8', 3, 'cubic', 0.8],
    ['uint8', 3, 'average', 0.8],
    ['uint16', 3, 'bilinear', 0.8],
    ['float32', 1, 'bilinear', 0.8],
    ['uint8', 3, 'bilinear', 4],
  ];
  const lines = [
    '',
    '| samples | kernel | source px per px | median ms | least ms |',
    '| --- | --- | --- | --- | --- |',
  ];
  for (const [dtype, bandCount, resampling, reduction] of cases) {
    const { median, least } = await measure(dtype, bandCount, resampling, reduction);
    lines.push(
      `| ${dtype} x ${bandCount} | ${resampling} | ${reduction} | ${median.toFixed(2)} | ${least.toFixed(2)} |`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function measure(dtype: Dtype, bandCount: number, resampling: Resampling, reduction: number) {
  const side = Math.ceil(SIZE * reduction) + 64;
  const source = createRaster(side, side, dtype, bandCount);
  source.mask.fill(255);
  for (const band of source.bands) for (let n = 0; n < band.length; n++) band[n] = (n * 7919) % 251;
  const input = {
    source,
    window: { col: 0, row: 0, width: side, height: side },
    imageWidth: side,
    imageHeight: side,
    width: SIZE,
    height: SIZE,
    mapping: createGridMapping(turned(reduction), SIZE, SIZE, false),
    resampling,
    scale: { x: 1 / reduction, y: 1 / reduction },
  };
  const times: number[] = [];
  for (let round = -10; round < ROUNDS; round++) {
    const started = performance.now();
    if (warp(input) === null) throw new Error('the benchmark warps nothing');
    if (round >= 0) times.push(performance.now() - started);
    await new Promise(setImmediate);
  }
  times.sort((a, b) => a - b);
  return { median: times[ROUNDS >> 1]!, least: times[0]! };
}
