import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { planRead } from '../../../src/cog/plan-read.ts';
import { readPlan, sourceWindows } from '../../../src/cog/read-raster.ts';
import { createIoCounters } from '../../../src/observe.ts';
import type { Resampling } from '../../../src/raster/resample.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { tileBounds, tileTransform } from '../../../src/tms/web-mercator-quad.ts';
import { createMemorySource, recordReads } from '../../support/recording-source.ts';
import { writeCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const KERNELS: readonly Resampling[] = [
  'nearest',
  'bilinear',
  'cubic',
  'lanczos',
  'average',
  'mode',
  'min',
  'max',
  'median',
];
const FIRST: Tile = { z: 9, x: 270, y: 180 };

/** 1536 × 1024 pixels of the grid of zoom 9, uncompressed, so that the bytes of a block are those of its pixels. */
function fileOf(blockSize: number): Uint8Array {
  const [width, height] = [1536, 1024];
  const pixels = Uint8Array.from({ length: width * height }, (_, i) => (i * 31 + (i >> 9)) % 251);
  const transform = tileTransform(FIRST, 256);
  const shape = { width, height, bands: [pixels, pixels, pixels], epsg: 3857, transform };
  return writeCog({ ...shape, blockSize, compression: 'none', overviews: 1 });
}

const FILES = new Map([256, 512].map((blockSize) => [blockSize, fileOf(blockSize)]));

async function open(blockSize: number) {
  const bytes = FILES.get(blockSize)!;
  const source = recordReads(createMemorySource({ bytes }));
  const counters = createIoCounters();
  const cog = await openCog(source, { cache: new BlockCache(1e9), counters, ...NEVER });
  const opening = source.reads.length;
  expect(opening).toBe(1);
  const bytesRead = (): number => source.reads.slice(opening).reduce((sum, { length }) => sum + length, 0);
  return { cog, counters, bytesRead, requests: () => source.reads.length - opening };
}

const gridOf = (tile: Tile, size = 256) => ({ bounds: tileBounds(tile), width: size, height: size });

describe.each(KERNELS)('a tile of a file on its grid, %s', (resampling) => {
  test.each([256, 512])('reads its block of %i pixels and nothing beside', async (blockSize) => {
    const { cog, counters, bytesRead, requests } = await open(blockSize);
    const plan = planRead(cog, gridOf({ z: 9, x: 272, y: 181 }), resampling)!;
    const pieces = await readPlan(cog, plan, { bands: [1, 2, 3], nodata: null, ...NEVER });
    expect(pieces).toMatchObject([{ col: 0, row: 0, raster: { width: 256, height: 256 } }]);
    expect([requests(), bytesRead(), counters.blocksDecoded]).toEqual([1, blockSize * blockSize * 3, 1]);
  });

  test('of 512 pixels takes four blocks of 256, a request for each row of them', async () => {
    const { cog, counters, bytesRead, requests } = await open(256);
    const plan = planRead(cog, gridOf({ z: 8, x: 136, y: 90 }, 512), resampling)!;
    await readPlan(cog, plan, { bands: [1, 2, 3], nodata: null, ...NEVER });
    expect([requests(), bytesRead(), counters.blocksDecoded]).toEqual([2, 4 * 256 * 256 * 3, 4]);
  });

  test('of the zoom above takes the overview, at the edge only the part that is there', async () => {
    const { cog, counters, bytesRead, requests } = await open(256);
    const plan = planRead(cog, gridOf({ z: 8, x: 137, y: 91 }), resampling)!;
    expect(plan.level).toBe(1);
    await readPlan(cog, plan, { bands: [1, 2, 3], nodata: null, ...NEVER });
    expect([requests(), bytesRead(), counters.blocksDecoded]).toEqual([1, 256 * 256 * 3, 1]);
  });
});

test('a metatile on the grid reads each block once, in one request for each row of blocks or fewer', async () => {
  const { cog, counters, bytesRead, requests } = await open(256);
  const tiles = Array.from({ length: 16 }, (_, n) => ({ z: 9, x: 271 + (n % 4), y: 180 + Math.floor(n / 4) }));
  const plans = tiles.map((tile) => planRead(cog, gridOf(tile), 'cubic')!);
  await cog.prefetch(0, plans.flatMap(sourceWindows), NEVER);
  for (const plan of plans) await readPlan(cog, plan, { bands: [1, 2, 3], nodata: null, ...NEVER });
  expect([bytesRead(), counters.blocksDecoded]).toEqual([16 * 256 * 256 * 3, 16]);
  expect(requests()).toBeLessThanOrEqual(4);
});
