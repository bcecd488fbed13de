import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPlan } from '../../jobs/plan-jobs.ts';
import { coarsenRanges, countIndices, holdsRange, meetsRanges, unionRanges } from '../../src/tms/index-ranges.ts';
import type { IndexRanges } from '../../src/tms/index-ranges.ts';
import { allTilesOf } from '../../src/tms/metatile.ts';
import { rangesFromText, rangesToText } from '../../src/tms/ranges-text.ts';
import { planRequest } from '../support/plan-requests.ts';

/** Ranges anywhere in [0, 1), of any number, to be stretched over a plan. */
const shares = fc.array(
  fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.2, noNaN: true })),
  {
    maxLength: 12,
  },
);

function rangesOf(parts: readonly (readonly [number, number])[], count: number): IndexRanges {
  return unionRanges(
    parts.map(([at, length]) => ({
      from: Math.floor(at * count),
      to: Math.floor(at * count) + Math.ceil(length * count),
    })),
  );
}

const indicesOf = (ranges: IndexRanges): number[] =>
  ranges.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));

test('a plan of some indices is the whole plan without the others', () => {
  fc.assert(
    fc.property(planRequest, shares, fc.double({ min: 0, max: 1.1, noNaN: true }), (asked, parts, share) => {
      const whole = createPlan(asked);
      const only = rangesOf(parts, whole.indexCount);
      const plan = createPlan(asked, { only });
      const has = (index: number): boolean => meetsRanges(only, index, index + 1);
      const works = [...whole.works()].filter(({ index }) => has(index));
      expect([...plan.works()]).toEqual(works);
      const fromIndex = Math.floor(whole.indexCount * share);
      expect([...plan.works({ fromIndex })]).toEqual(works.filter(({ index }) => index >= fromIndex));
      expect(plan.indexCount).toBe(whole.indexCount);
      for (let index = 0; index < whole.indexCount; index++) {
        expect(plan.workAt(index)).toEqual(has(index) ? whole.workAt(index) : null);
      }
      for (const work of works) {
        expect(plan.childIndicesOf(work)).toEqual(whole.childIndicesOf(work).filter(has));
        for (const tile of allTilesOf(work)) expect(plan.workWith(tile)).toEqual(work);
      }
    }),
    { numRuns: 60 },
  );
});

test('its counts are those of its work', () => {
  fc.assert(
    fc.property(planRequest, shares, (asked, parts) => {
      const only = rangesOf(parts, createPlan(asked).indexCount);
      const plan = createPlan(asked, { only });
      const works = [...plan.works()];
      const tiles = works.flatMap(allTilesOf);
      const { perZoom, ...sums } = plan.counts();
      expect(sums).toEqual({ tiles: tiles.length, metatiles: works.length });
      const zooms = [...new Set(tiles.map(({ z }) => z))].sort((a, b) => a - b);
      expect(perZoom).toEqual(
        zooms.map((z) => ({
          z,
          tiles: tiles.filter((tile) => tile.z === z).length,
          metatiles: works.filter(({ metatile }) => metatile.z === z).length,
        })),
      );
      expect(new Set(plan.zooms.map(({ z }) => z))).toEqual(new Set(works.map(({ metatile }) => metatile.z)));
      for (const { z, metatiles, firstIndex, indexCount } of plan.zooms) {
        const ofZoom = works.filter(({ metatile }) => metatile.z === z);
        expect(metatiles).toBe(ofZoom.length);
        expect(ofZoom.every(({ index }) => index >= firstIndex && index < firstIndex + indexCount)).toBe(true);
      }
    }),
  );
});

test('the counts of some in a plan of a billion metatiles cost what they are', () => {
  const whole = { area: { bbox: [-180, -85, 180, 85] as [number, number, number, number] }, minzoom: 0, maxzoom: 18 };
  const plan = createPlan(
    { ...whole, metatileSize: 8, sourceMinzoom: 0 },
    { only: Array.from({ length: 50_000 }, (_, i) => ({ from: 20_000 * i, to: 20_000 * i + 3 })) },
  );
  expect(plan.indexCount).toBeGreaterThan(1e9);
  expect(plan.counts().metatiles).toBe(150_000);
  expect([...plan.works({ fromIndex: 900_000_000 })].map(({ index }) => index).slice(0, 4)).toEqual([
    900_000_000, 900_000_001, 900_000_002, 900_020_000,
  ]);
});

test('ranges as a text are read as they were written; any other text is refused', () => {
  fc.assert(
    fc.property(shares, (parts) => {
      const ranges = rangesOf(parts, 1e12);
      expect(rangesFromText(rangesToText(ranges))).toEqual(ranges);
    }),
  );
  expect(
    rangesToText([
      { from: 5, to: 15 },
      { from: 16, to: 17 },
    ]),
  ).toBe('5.a,1');
  for (const text of ['x,', '-', '1.0', '0.1,0.1', 'zzzzzzzzzzz.1', '1 2', '1..2', 'A']) {
    expect(() => rangesFromText(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  }
});

test('fewer ranges hold all that more held, with the smallest gaps between', () => {
  fc.assert(
    fc.property(shares, fc.integer({ min: 1, max: 12 }), (parts, most) => {
      const ranges = rangesOf(parts, 1000);
      const fewer = coarsenRanges(ranges, most);
      expect(fewer.length).toBeLessThanOrEqual(Math.max(most, 0));
      for (const { from, to } of ranges) expect(holdsRange(fewer, from, to)).toBe(true);
      expect(countIndices(fewer)).toBeGreaterThanOrEqual(countIndices(ranges));
      const held = new Set(indicesOf(ranges));
      expect(indicesOf(fewer).filter((index) => held.has(index))).toEqual([...held]);
    }),
  );
});
