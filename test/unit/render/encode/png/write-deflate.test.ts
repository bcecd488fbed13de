import { inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { adler32, deflate } from './kernel-parts.ts';

interface Part {
  readonly literals: Uint8Array;
  readonly length: number;
  readonly distance: number;
}

/** Deflates parts of literals and a match each, and gives the bytes that they stand for beside what was written. */
function deflateParts(parts: readonly Part[]): { readonly plain: Uint8Array; readonly written: Uint8Array } {
  const plain: number[] = [];
  const sequences = parts.map(({ literals, length, distance }) => {
    for (const literal of literals) plain.push(literal);
    const matched = distance <= plain.length ? length : 0;
    for (let n = 0; n < matched; n++) plain.push(plain[plain.length - distance]!);
    return { run: literals.length, length: matched, distance };
  });
  const bytes = Uint8Array.from(plain);
  return { plain: bytes, written: deflate(bytes, sequences) };
}

/** More literals than a block takes in one run. */
const MANY = 17_000;

const first = { literals: Uint8Array.of(7), length: 0, distance: 1 };
const part = fc.record({
  literals: fc.uint8Array({ maxLength: 40 }),
  length: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 258 }), fc.constant(258)),
  distance: fc.integer({ min: 1, max: 2000 }),
});

test('whatever the sequences say is inflated again', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 60 }), (parts) => {
      const { plain, written } = deflateParts([first, ...parts]);
      expect(inflateRawSync(written).equals(plain)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('every length and every kind of distance has its code', () => {
  const start = { literals: Uint8Array.from({ length: MANY }, (_, i) => i * i * 31), length: 0, distance: 1 };
  const distances = [1, 2, 3, 4, 5, 255, 256, 257, 258, 512, 513, 4096, 4097, 16_385, 32_767, 32_768];
  const parts = distances.flatMap((distance) =>
    Array.from({ length: 256 }, (_, i) => ({ literals: Uint8Array.of(i), length: i + 3, distance })),
  );
  const { plain, written } = deflateParts([start, start, start, ...parts]);
  expect(inflateRawSync(written).equals(plain)).toBe(true);
});

test('noise is stored, across blocks, in hardly more bytes than it has', () => {
  const noise = Uint8Array.from({ length: 200_000 }, (_, i) => Math.imul(i ^ (i >>> 7), 0x9e3779b1) >>> 24);
  const { plain, written } = deflateParts([{ literals: noise, length: 0, distance: 1 }]);
  expect(Buffer.compare(plain, noise)).toBe(0);
  expect(inflateRawSync(written).equals(plain)).toBe(true);
  expect(written.length).toBeLessThanOrEqual(noise.length + 5 * 5);
});

test('Adler-32 is that of RFC 1950, also of bytes that sum up to the most', () => {
  expect(adler32(Buffer.from('Wikipedia'))).toBe(0x11e60398);
  const most = new Uint8Array(1_000_003).fill(255);
  let [a, b] = [1, 0];
  for (const byte of most) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  expect(adler32(most)).toBe(b * 65_536 + a);
});
