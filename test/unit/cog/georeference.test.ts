import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { transformerBetween, type NamedCrs } from '../../../src/geo/crs.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { createMemorySource } from '../../support/recording-source.ts';
import { writeTiff, type TiffField } from '../../support/tiff-writer.ts';

type Point = readonly [col: number, row: number, x: number, y: number];

const CRS84: NamedCrs = { kind: 'epsg', code: 4326 };

/** 16 × 16 bytes that control points place. */
async function openPlaced(points: readonly Point[], isPoint = false) {
  const long = (tag: number, value: number): TiffField => ({ tag, type: 'long', values: [value] });
  const keys = [1, 1, 0, 3, 1024, 0, 1, 2, 1025, 0, 1, isPoint ? 2 : 1, 2048, 0, 1, 4326];
  const fields: readonly TiffField[] = [
    ...[256, 257, 322, 323].map((tag) => long(tag, 16)),
    long(258, 8),
    { tag: 33922, type: 'double', values: points.flatMap(([col, row, x, y]) => [col, row, 0, x, y, 0]) },
    { tag: 34735, type: 'short', values: keys },
  ];
  const bytes = writeTiff([{ fields, blocks: [new Uint8Array(256)], tiled: true }], {
    bigEndian: false,
    bigTiff: false,
  });
  const signal = new AbortController().signal;
  return openCog(createMemorySource({ bytes }), { cache: new BlockCache(1e6), counters: createIoCounters(), signal });
}

/** A degree a pixel from 100° E, 10° N, a little turned. */
const place = (col: number, row: number, east = 100): Point => [
  col,
  row,
  east + col + row * 0.1,
  10 - row - col * 0.05,
];
const CORNERS = [place(0, 0), place(16, 0), place(16, 16), place(0, 16)];
const SEVEN = [...CORNERS, place(8, 0), place(8, 8), place(3, 12)];

describe('a file with control points alone', () => {
  test.each([
    ['four', CORNERS],
    ['seven', SEVEN],
  ])('has its pixels for a CRS, which the points take to the ground: %s', async (_, points) => {
    await using cog = await openPlaced(points);
    expect(cog.transform).toEqual([1, 0, 0, 0, 1, 0]);
    expect(cog.crs).toMatchObject({ kind: 'fitted', base: CRS84 });
    const [xs, ys] = [Float64Array.of(0, 16), Float64Array.of(0, 16)];
    transformerBetween(cog.crs, CRS84).transform(xs, ys);
    expect([...xs, ...ys].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([100, 117.6, 10, -6.8]);
    transformerBetween(CRS84, cog.crs).transform(xs, ys);
    expect([...xs, ...ys].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([0, 16, 0, 16]);
  });

  test('points at pixel centres are half a pixel from the corners', async () => {
    await using cog = await openPlaced(SEVEN, true);
    const [xs, ys] = [Float64Array.of(100), Float64Array.of(10)];
    transformerBetween(CRS84, cog.crs).transform(xs, ys);
    expect(xs[0]).toBeCloseTo(0.5, 6);
    expect(ys[0]).toBeCloseTo(0.5, 6);
  });

  test('points on both sides of the antimeridian go on beyond 180°', async () => {
    const wrapped = SEVEN.map(([col, row]): Point => {
      const [, , x, y] = place(col, row, 170);
      return [col, row, x > 180 ? x - 360 : x, y];
    });
    await using cog = await openPlaced(wrapped);
    const [xs, ys] = [Float64Array.of(16), Float64Array.of(0)];
    transformerBetween(cog.crs, CRS84).transform(xs, ys);
    expect(xs[0]).toBeCloseTo(186, 6);
  });
});
