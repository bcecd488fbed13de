import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { clearMasked, countOpaque, isBlank, isOpaque } from '../../../src/raster/mask.ts';
import { coverageOf } from '../../../src/raster/warp-row.ts';

describe('clearMasked', () => {
  test.each([1, 7, 15, 16, 40])('spans of %i pixels', (span) => {
    const mask = Uint8Array.from({ length: 300 }, (_, i) => (Math.floor(i / span) % 2 === 0 ? 0 : 1 + (i % 255)));
    const bands = [new Uint8Array(300).fill(9), new Float32Array(300).fill(NaN)];
    const masked = clearMasked(bands, mask);
    expect(masked).toBe(mask.filter((alpha) => alpha === 0).length);
    expect(bands[0]).toEqual(mask.map((alpha) => (alpha === 0 ? 0 : 9)));
    expect(bands[1]).toEqual(Float32Array.from(mask, (alpha) => (alpha === 0 ? 0 : NaN)));
  });

  test('nothing where all is valid, and all where nothing is', () => {
    const band = new Uint16Array(5).fill(3);
    expect(clearMasked([band], new Uint8Array(5).fill(1))).toBe(0);
    expect(band).toEqual(new Uint16Array(5).fill(3));
    expect(clearMasked([band], new Uint8Array(5))).toBe(5);
    expect(band).toEqual(new Uint16Array(5));
  });
});

test.each([
  [0, 0],
  [1, 8],
  [3, 9],
  [2, 64],
])('a mask that begins at byte %i and is %i long is opaque until one pixel is not', (offset, length) => {
  const mask = new Uint8Array(128).fill(255).subarray(offset, offset + length);
  expect(isOpaque(mask)).toBe(true);
  for (let i = 0; i < length; i++) {
    mask[i] = 254;
    expect(isOpaque(mask)).toBe(false);
    mask[i] = 255;
  }
});

test('what is looked at in fours is what each pixel says', () => {
  const runs = fc.array(fc.tuple(fc.constantFrom(0, 255, 255, 0, 7), fc.integer({ min: 1, max: 9 })), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(runs, fc.integer({ min: 0, max: 5 }), (spans, offset) => {
      const values = spans.flatMap(([value, length]) => Array<number>(length).fill(value));
      const mask = new Uint8Array(values.length + offset).subarray(offset);
      mask.set(values);
      const opaque = values.filter((value) => value === 255).length;
      expect(countOpaque(mask)).toBe(opaque);
      expect(isOpaque(mask)).toBe(opaque === values.length);
      expect(isBlank(mask)).toBe(values.every((value) => value === 0));
      const expected = values.includes(7) ? 'partial' : values.includes(0) ? 'binary' : 'full';
      expect(coverageOf(mask)).toBe(expected);
      const band = new Uint16Array(values.length).fill(3);
      expect(clearMasked([band], mask)).toBe(values.filter((value) => value === 0).length);
      expect([...band]).toEqual(values.map((value) => (value === 0 ? 0 : 3)));
    }),
  );
});
