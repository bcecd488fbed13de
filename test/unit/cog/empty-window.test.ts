import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import type { ReadWindow } from '../../../src/cog/cog.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { WindowRoom } from '../../../src/cog/window-room.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { createSamples, type Dtype, type Samples, type Window } from '../../../src/raster/raster.ts';
import { createMemorySource } from '../../support/recording-source.ts';
import { writeCog, type SyntheticCog } from '../../support/synthetic-cog.ts';
import { seededRandom } from '../../support/tiff-mutations.ts';

const NEVER = { signal: new AbortController().signal };
const [WIDTH, HEIGHT] = [150, 101];

/** Data in the middle, and one pixel of it at the lower right; `nothing` around. */
function island(dtype: Dtype, value: number, nothing: number): Samples {
  const samples = createSamples(dtype, WIDTH * HEIGHT).fill(nothing);
  for (let row = 40; row < 70; row++) samples.fill(value, row * WIDTH + 70, row * WIDTH + 75);
  samples[WIDTH * HEIGHT - 1] = value;
  return samples;
}

const PLACE = { width: WIDTH, height: HEIGHT, epsg: 32633, transform: [10, 0, 500_000, 0, -10, 5_000_000] } as const;

/** Of each file: its bands, and the nodata that is asked for. */
const files: readonly (readonly [string, Partial<SyntheticCog> & Pick<SyntheticCog, 'bands'>, number | null])[] = [
  ['nodata', { bands: [island('uint8', 7, 255)], nodata: 255 }, null],
  ['nodata that no block is stored for', { bands: [island('int16', 7, -99)], nodata: -99, sparse: true }, null],
  ['nodata of the request', { bands: [island('uint16', 7, 0), island('uint16', 9, 0)] }, 0],
  [
    'nodata of which another is in sparse blocks',
    { bands: [island('float32', 7, -9)], nodata: -9, sparse: true },
    Math.fround(-9.1),
  ],
  ['NaN', { bands: [island('float32', 7, Number.NaN)], nodata: Number.NaN }, null],
  ['nodata between two floats', { bands: [island('float32', 7, Math.fround(0.1))] }, 0.1],
  ['nodata in one band of two', { bands: [island('uint8', 7, 0), island('uint8', 7, 0).fill(3, 0, 500)] }, 0],
  ['bands apart', { bands: [island('uint8', 7, 0), island('uint8', 5, 0)], planar: 'separate' }, 0],
  ['alpha', { bands: [island('uint8', 7, 3)], alpha: island('uint8', 255, 0) }, null],
  ['alpha apart', { bands: [island('uint8', 7, 3)], alpha: island('uint8', 9, 0), planar: 'separate' }, null],
  ['a mask', { bands: [island('uint8', 7, 3)], mask: Uint8Array.from(island('uint8', 1, 0)) }, null],
  ['nothing', { bands: [island('uint8', 7, 3)] }, null],
  ['nodata that no sample can have', { bands: [island('uint8', 7, 3)] }, -9999],
  ['strips', { bands: [island('int16', 7, 0)], rowsPerStrip: 32 }, 0],
];

describe('isEmptyWindow', () => {
  test.each(files)('agrees with the mask that is read: %s', async (_, file, nodata) => {
    const cog = await openCog(createMemorySource({ bytes: writeCog({ ...PLACE, blockSize: 32, ...file }) }), {
      cache: new BlockCache(50_000_000),
      counters: createIoCounters(),
      ...NEVER,
    });
    const bands = file.bands.map((_, b) => b + 1);
    const whole: Window = { col: 0, row: 0, width: WIDTH, height: HEIGHT };
    await cog.prefetch(0, [whole], NEVER);
    const random = seededRandom(5);
    const upTo = (end: number): number => Math.floor(random() * end);
    for (let n = 0; n < 60; n++) {
      const [col, row] = [upTo(WIDTH), upTo(HEIGHT)];
      const window = { col, row, width: 1 + upTo(WIDTH - col), height: 1 + upTo(HEIGHT - row) };
      const request: ReadWindow = { level: 0, window, bands, nodata };
      const { mask } = await cog.readWindow(request, NEVER);
      expect(cog.isEmptyWindow(request)).toBe(mask.every((opacity) => opacity === 0));
    }
    await cog[Symbol.asyncDispose]();
  });

  test('is false while a block is not cached, and reads nothing', async () => {
    const bytes = writeCog({ ...PLACE, blockSize: 32, bands: [new Uint8Array(WIDTH * HEIGHT)], nodata: 0 });
    const counters = createIoCounters();
    const cog = await openCog(createMemorySource({ bytes }), { cache: new BlockCache(1_000_000), counters, ...NEVER });
    const window = { col: 30, row: 30, width: 20, height: 20 };
    const request: ReadWindow = { level: 0, window, bands: [1], nodata: null };
    expect(cog.isEmptyWindow(request)).toBe(false);
    expect(counters.blocksDecoded).toBe(0);
    await cog.prefetch(0, [window], NEVER);
    expect(cog.isEmptyWindow(request)).toBe(true);
    expect(cog.isEmptyWindow({ ...request, window: { ...window, width: 90 } })).toBe(false);
  });
});

test.each(files)('a window read into used memory is the same: %s', async (_, file, nodata) => {
  const cog = await openCog(createMemorySource({ bytes: writeCog({ ...PLACE, blockSize: 32, ...file }) }), {
    cache: new BlockCache(50_000_000),
    counters: createIoCounters(),
    ...NEVER,
  });
  const window = { col: 20, row: 11, width: 130, height: 90 };
  const request: ReadWindow = { level: 0, window, bands: file.bands.map((_, b) => b + 1), nodata };
  const expected = await cog.readWindow(request, NEVER);
  const used = new WindowRoom();
  for (let n = 0; n < 8; n++) used.take(cog.dtype, 130 * 90).fill(77);
  for (let n = 0; n < 8; n++) used.takeMask(130 * 90).fill(77);
  used.release();
  const room = new WindowRoom();
  expect(await cog.readWindow({ ...request, room }, NEVER)).toEqual(expected);
  room.release();
});
