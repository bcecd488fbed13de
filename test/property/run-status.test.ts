import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { countBits } from '../../jobs/run-status.ts';

test('bits of any range are counted as one by one', () => {
  const range = fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.nat(330), fc.nat(330));
  fc.assert(
    fc.property(range, ([bytes, from, count]) => {
      let expected = 0;
      for (let index = from; index < from + count; index++) {
        if (((bytes[index >> 3] ?? 0) & (0x80 >> (index & 7))) !== 0) expected++;
      }
      expect(countBits(bytes, from, count)).toBe(expected);
    }),
  );
});
