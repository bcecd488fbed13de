import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Crs, isGeographic, transformerBetween, WEB_MERCATOR } from '../../src/geo/crs.ts';

interface Point {
  readonly code: number;
  readonly x: number;
  readonly y: number;
  readonly u: number;
  readonly v: number;
}

const points = JSON.parse(readFileSync(new URL('arrays/crs.json', import.meta.url), 'utf8')) as readonly Point[];
const codes = [...new Set(points.map(({ code }) => code))];

test.each(codes)('EPSG:%i agrees with PROJ to a millimetre, there and back', (code) => {
  const crs: Crs = { kind: 'epsg', code };
  const tolerance = isGeographic(crs) ? 1e-8 : 1e-3;
  for (const { x, y, u, v } of points.filter((point) => point.code === code)) {
    const [xs, ys] = [new Float64Array([x]), new Float64Array([y])];
    transformerBetween(WEB_MERCATOR, crs).transform(xs, ys);
    expect(Math.hypot(xs[0]! - u, ys[0]! - v)).toBeLessThan(tolerance);
    xs[0] = u;
    ys[0] = v;
    transformerBetween(crs, WEB_MERCATOR).transform(xs, ys);
    expect(Math.hypot(xs[0] - x, ys[0] - y)).toBeLessThan(2e-3);
  }
});
