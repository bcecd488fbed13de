import { describe, expect, test } from 'vitest';
import { createPlan } from '../../../jobs/plan-jobs.ts';
import {
  bitSpan,
  countBits,
  isBudgetUsedUp,
  paceOf,
  parseMaxFailures,
  zoomStatuses,
} from '../../../jobs/run-status.ts';

describe('a failure budget', () => {
  test.each([
    ['0', 0],
    ['100', 100],
    ['1%', 12],
    ['0.5%', 6],
    ['0%', 0],
    ['100%', 1234],
  ])('%s of 1234 tiles is %i tiles', (text, tiles) => {
    expect(parseMaxFailures(text, 1234)).toBe(tiles);
  });

  test.each(['', '-1', '1.5', '101%', '1e3', '%', '1 %', '100.1%', 'x'.repeat(100), '9'.repeat(16)])(
    'is not %s',
    (text) => {
      expect(() => parseMaxFailures(text, 1234)).toThrow(/expected a number of tiles or a percentage/);
    },
  );

  test('is used up by one failure more than it allows', () => {
    const at = (failed: number) => isBudgetUsedUp('10%', { failed, tiles: 50 });
    expect([at(0), at(5), at(6)]).toStrictEqual([false, false, true]);
    expect(isBudgetUsedUp('0', { failed: 1, tiles: 50 })).toBe(true);
    expect(isBudgetUsedUp(null, { failed: 50, tiles: 50 })).toBe(false);
  });
});

describe('counting bits', () => {
  test('splits a range into whole bytes and edges, wherever it begins', () => {
    expect(bitSpan(0, 16)).toStrictEqual({ edges: [], start: 0, end: 2 });
    expect(bitSpan(3, 2)).toStrictEqual({ edges: [{ byte: 0, mask: 0b00011000 }], start: 0, end: 0 });
    expect(bitSpan(5, 20)).toStrictEqual({
      edges: [
        { byte: 0, mask: 0b00000111 },
        { byte: 3, mask: 0b10000000 },
      ],
      start: 1,
      end: 3,
    });
    expect(bitSpan(7, 0)).toStrictEqual({ edges: [], start: 0, end: 0 });
    // Beyond 2^31, where shifts would go wrong.
    expect(bitSpan(2 ** 33 + 8, 8)).toStrictEqual({ edges: [], start: 2 ** 30 + 1, end: 2 ** 30 + 2 });
  });

  test('what lies beyond the bytes is not set', () => {
    expect(countBits(Uint8Array.of(0xff), 4, 100)).toBe(4);
  });

  test('tells how far each zoom is, ascending, also where zooms share a byte', () => {
    const zooms = createPlan({ area: { bbox: [-180, -85, 180, 85] }, minzoom: 0, maxzoom: 2, metatileSize: 1 }).zooms;
    const done = Uint8Array.of(0b11100101, 0b10000000, 0b00001000);
    const failed = Uint8Array.of(0b00010000, 0, 0);
    expect(zoomStatuses([...zooms].reverse(), { done, failed })).toStrictEqual([
      { z: 0, metatiles: 1, done: 1, failed: 0 },
      { z: 1, metatiles: 4, done: 2, failed: 1 },
      { z: 2, metatiles: 16, done: 4, failed: 0 },
    ]);
  });
});

describe('the pace of a run', () => {
  const sample = (seconds: number, settledTiles: number) => ({ atMs: seconds * 1000, settledTiles });

  test('is that of about the last minute', () => {
    const samples = [sample(0, 0), sample(100, 1_000), sample(150, 6_000)];
    expect(paceOf(samples, 10_000)).toStrictEqual({ tilesPerSecond: 100, etaSeconds: 40 });
  });

  test('is not known from one sample, or from samples of long ago', () => {
    const unknown = { tilesPerSecond: null, etaSeconds: null };
    expect(paceOf([], 10)).toStrictEqual(unknown);
    expect(paceOf([sample(5, 1)], 10)).toStrictEqual(unknown);
    expect(paceOf([sample(0, 1), sample(500, 2)], 10)).toStrictEqual(unknown);
  });

  test('nothing settled gives no end, and everything settled is the end', () => {
    expect(paceOf([sample(0, 4), sample(10, 4)], 10)).toStrictEqual({ tilesPerSecond: 0, etaSeconds: null });
    expect(paceOf([sample(0, 0), sample(10, 10)], 10)).toStrictEqual({ tilesPerSecond: 1, etaSeconds: 0 });
  });
});
