import { describe, expect, test } from 'vitest';
import { fuzzCase, fuzzOriginals, readDamaged } from '../support/tiff-fuzz.ts';
import { mutateTiff, seededRandom } from '../support/tiff-mutations.ts';

const SEED = 1;
const CASES = 2_400;
/** All cases together, a hundred times what one file needs; a count that is believed asks for gigabytes. */
const MAX_GROWTH_BYTES = 256 * 1024 * 1024;

const originals = fuzzOriginals();

describe('damaged COGs of every codec and layout', () => {
  test('without damage all of them are read', async () => {
    for (const [name, bytes] of originals) expect.soft((await readDamaged(bytes)).result, name).toBe('pixels');
  });

  test('the same seed gives the same damage', () => {
    const [bytes] = originals.values();
    expect(mutateTiff(bytes!, seededRandom(5))).toEqual(mutateTiff(bytes!, seededRandom(5)));
    expect(mutateTiff(bytes!, seededRandom(5))).not.toEqual(mutateTiff(bytes!, seededRandom(6)));
  });

  test(`${CASES} of them end in pixels or a typed error, within bounds of time and memory`, async () => {
    const before = process.memoryUsage().rss;
    const faults: string[] = [];
    const results = new Set<string | null>();
    let growth = 0;
    for (let n = 0; n < CASES; n += 1) {
      const { original, result, fault } = await fuzzCase(originals, SEED, n);
      if (fault !== null) faults.push(`case ${n} of ${original}: ${fault}`);
      results.add(result);
      growth = Math.max(growth, process.memoryUsage().rss - before);
    }
    expect(faults).toEqual([]);
    expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
    // Damage that always ends in the same place would try nothing.
    expect([...results]).toEqual(
      expect.arrayContaining(['pixels', 'ASSET_CORRUPT', 'ASSET_UNSUPPORTED', 'BYTES_LIMIT']),
    );
  });
});
