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
