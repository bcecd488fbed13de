import { expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { createMemorySource } from '../../support/recording-source.ts';
import { writeCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const SIZE = 1024;
const PLACE = { width: SIZE, height: SIZE, epsg: 32633, transform: [10, 0, 500_000, 0, -10, 5_000_000] } as const;

/** A map of classes: columns of blocks of 1, 2, 1 and so on, and one pixel of 3 at the lower right. */
function classes(): Uint8Array {
  const samples = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => 1 + (Math.floor((i % SIZE) / 256) % 2));
  samples[SIZE * SIZE - 1] = 3;
  return samples;
}

test.each([
  ['blocks', { blockSize: 256 }, 16],
  ['strips, of which the last is shorter', { rowsPerStrip: 300 }, 4],
  ['strips of differences', { rowsPerStrip: 128, predictor: 2 as const }, 8],
])('%s of the same bytes have the same pixels, and those of others their own', async (_, layout, blocks) => {
  for (const bands of [[classes()], [new Uint8Array(SIZE * SIZE).fill(9)], [new Uint8Array(SIZE * SIZE)]]) {
    const bytes = writeCog({ ...PLACE, ...layout, bands });
    const counters = createIoCounters();
    const cache = new BlockCache(50_000_000);
    await using cog = await openCog(createMemorySource({ bytes }), { cache, counters, ...NEVER });
    const window = { col: 0, row: 0, width: SIZE, height: SIZE };
    const read = await cog.readWindow({ level: 0, window, bands: [1], nodata: null }, NEVER);
    expect(Buffer.compare(read.bands[0] as Uint8Array, bands[0]!)).toBe(0);
    expect(counters.blocksDecoded).toBe(blocks);
  }
});
