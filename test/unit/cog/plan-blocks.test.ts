import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blocksOfWindow, DEFAULT_COALESCING, planRanges, type Extent } from '../../../src/cog/plan-blocks.ts';

const GRID = { blockWidth: 64, blockHeight: 32, blocksAcross: 5 };

test.each([
  [{ col: 0, row: 0, width: 64, height: 32 }, [0]],
  [{ col: 63, row: 31, width: 2, height: 2 }, [0, 1, 5, 6]],
  [{ col: 64, row: 32, width: 1, height: 1 }, [6]],
  [{ col: 0, row: 64, width: 300, height: 1 }, [10, 11, 12, 13, 14]],
])('the blocks of %o', (window, blocks) => {
  expect(blocksOfWindow(GRID, window)).toEqual(blocks);
});

describe('ranges', () => {
  const plan = (extents: readonly Extent[], options = {}) =>
    planRanges(extents, { ...DEFAULT_COALESCING, ...options }).map(({ offset, length, items }) => [
      offset,
      length,
      items.length,
    ]);

  test('neighbours are one range, whatever their order', () => {
    const extents = [3, 1, 2, 0].map((n) => ({ offset: 1_000 + n * 500, length: 500 }));
    expect(plan(extents)).toEqual([[1_000, 2_000, 4]]);
  });

  test('small gaps are read along as long as the waste lasts, smallest first', () => {
    const extents = [
      { offset: 0, length: 10_000 },
      { offset: 10_008, length: 10_000 },
      { offset: 21_000, length: 10_000 },
      { offset: 32_500, length: 10_000 },
    ];
    expect(plan(extents, { maxWaste: 0.03 })).toEqual([
      [0, 31_000, 3],
      [32_500, 10_000, 1],
    ]);
    expect(plan(extents, { maxWaste: 0 })).toHaveLength(4);
  });

  test('wide gaps are never read, and no range grows beyond the bound', () => {
    const far = [
      { offset: 0, length: 50_000_000 },
      { offset: 50_100_000, length: 50_000_000 },
    ];
    expect(plan(far)).toHaveLength(2);
    const many = Array.from({ length: 100 }, (_, n) => ({ offset: n * 1_000, length: 1_000 }));
    expect(plan(many, { maxRangeBytes: 25_000 })).toEqual([
      [0, 25_000, 25],
      [25_000, 25_000, 25],
      [50_000, 25_000, 25],
      [75_000, 25_000, 25],
    ]);
  });

  test('every extent lies in exactly one range, and the waste is bounded', () => {
    const extent = fc.record({ offset: fc.nat(3_000_000), length: fc.integer({ min: 1, max: 60_000 }) });
    fc.assert(
      fc.property(fc.array(extent, { maxLength: 40 }), (extents) => {
        const ranges = planRanges(extents, DEFAULT_COALESCING);
        const placed = ranges.flatMap(({ items }) => items);
        expect(new Set(placed)).toEqual(new Set(extents));
        expect(placed.length).toBe(extents.length);
        for (const { offset, length, items } of ranges) {
          for (const item of items) {
            expect(item.offset).toBeGreaterThanOrEqual(offset);
            expect(item.offset + item.length).toBeLessThanOrEqual(offset + length);
          }
        }
        const needed = extents.reduce((sum, { length }) => sum + length, 0);
        const read = ranges.reduce((sum, { length }) => sum + length, 0);
        expect(read).toBeLessThanOrEqual(needed * (1 + DEFAULT_COALESCING.maxWaste));
      }),
    );
  });
});
