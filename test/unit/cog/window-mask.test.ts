import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { maskFromNodata } from '../../../src/cog/window-mask.ts';

/** Runs of a few values, as classes lie. */
const classes = fc
  .array(fc.tuple(fc.constantFrom(0, 1, 127, 128, 254, 255), fc.integer({ min: 1, max: 9 })), { maxLength: 30 })
  .map((runs) => runs.flatMap(([value, length]) => Array<number>(length).fill(value)));

test('bytes are masked where they are nodata, wherever band and mask begin', () => {
  const offset = fc.integer({ min: 0, max: 5 });
  fc.assert(
    fc.property(classes, fc.constantFrom(0, 1, 128, 255, 256, -1, 0.5), offset, offset, (values, nodata, from, to) => {
      const band = new Uint8Array(values.length + from).subarray(from);
      band.set(values);
      const mask = new Uint8Array(values.length + to).fill(7).subarray(to);
      maskFromNodata([band], nodata, values.length, mask);
      expect([...mask]).toEqual(values.map((value) => (value === nodata ? 0 : 255)));
    }),
  );
});

test('pixels of several bands are masked where all of them are nodata', () => {
  const offset = fc.integer({ min: 0, max: 5 });
  const pixel = fc.array(fc.constantFrom(0, 1, 255), { minLength: 4, maxLength: 4 });
  const runs = fc.array(fc.tuple(pixel, fc.integer({ min: 1, max: 9 })), { maxLength: 30 });
  fc.assert(
    fc.property(
      runs,
      fc.constantFrom(0, 1, 255, -1),
      fc.integer({ min: 0, max: 4 }),
      offset,
      (given, nodata, count, to) => {
        const pixels = given.flatMap(([values, length]) => Array<number[]>(length).fill(values.slice(0, count)));
        const bands = Array.from({ length: count }, (_, b) => {
          const band = new Uint8Array(pixels.length + b).subarray(b);
          band.set(pixels.map((values) => values[b]!));
          return band;
        });
        const mask = new Uint8Array(pixels.length + to).fill(7).subarray(to);
        maskFromNodata(bands, nodata, pixels.length, mask);
        expect([...mask]).toEqual(pixels.map((values) => (values.every((value) => value === nodata) ? 0 : 255)));
      },
    ),
  );
});
