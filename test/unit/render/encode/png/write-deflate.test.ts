import { inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { adler32 } from '../../../../../src/render/encode/png/adler32.ts';
import { createSequences, MAX_RUN } from '../../../../../src/render/encode/png/sequences.ts';
import { deflateBound, writeDeflate } from '../../../../../src/render/encode/png/write-deflate.ts';

interface Part {
  readonly literals: Uint8Array;
  readonly length: number;
  readonly distance: number;
}

/** Deflates parts of literals and a match each, and gives the bytes that they stand for beside what was written. */
function deflate(parts: readonly Part[]): { readonly plain: Uint8Array; readonly written: Uint8Array } {
  const plain: number[] = [];
  const sequences = createSequences(3 * parts.length);
  for (const { literals, length, distance } of parts) {
    plain.push(...literals);
    const matched = distance <= plain.length ? length : 0;
    sequences.runs[sequences.count] = literals.length;
    sequences.matches[sequences.count++] = matched > 0 ? (matched << 16) | distance : 0;
    for (let n = 0; n < matched; n++) plain.push(plain[plain.length - distance]!);
  }
  const bytes = new Uint8Array(deflateBound(plain.length));
  const sink = { bytes, view: new DataView(bytes.buffer), at: 0, bits: 0, bitCount: 0 };
  writeDeflate(sink, Uint8Array.from(plain), plain.length, sequences);
  return { plain: Uint8Array.from(plain), written: bytes.subarray(0, sink.at) };
}

const part = fc.record({
  literals: fc.uint8Array({ maxLength: 40 }),
  length: fc.oneof(fc.constant(0), fc.integer({ min: 3, max: 258 }), fc.constant(258)),
  distance: fc.integer({ min: 1, max: 2000 }),
});

test('whatever the sequences say is inflated again', () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 60 }), (parts) => {
      const { plain, written } = deflate(parts);
      expect(inflateRawSync(written).equals(plain)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('every length and every kind of distance has its code', () => {
  const start = { literals: Uint8Array.from({ length: MAX_RUN }, (_, i) => i * i * 31), length: 0, distance: 1 };
  const distances = [1, 2, 3, 4, 5, 255, 256, 257, 258, 512, 513, 4096, 4097, 16_385, 32_767, 32_768];
  const parts = distances.flatMap((distance) =>
    Array.from({ length: 256 }, (_, i) => ({ literals: Uint8Array.of(i), length: i + 3, distance })),
  );
  const { plain, written } = deflate([start, start, start, ...parts]);
  expect(inflateRawSync(written).equals(plain)).toBe(true);
});

test('noise is stored, across blocks, within the bound', () => {
  const noise = Uint8Array.from({ length: 200_000 }, (_, i) => Math.imul(i ^ (i >>> 7), 0x9e3779b1) >>> 24);
  const parts = Array.from({ length: Math.ceil(noise.length / MAX_RUN) }, (_, i) => ({
    literals: noise.subarray(i * MAX_RUN, (i + 1) * MAX_RUN),
    length: 0,
    distance: 1,
  }));
  const { plain, written } = deflate(parts);
  expect(plain).toEqual(noise);
  expect(inflateRawSync(written).equals(plain)).toBe(true);
  expect(written.length).toBeLessThanOrEqual(deflateBound(plain.length));
});

test('Adler-32 is that of RFC 1950, also of bytes that sum up to the most', () => {
  expect(adler32(Buffer.from('Wikipedia'), 9)).toBe(0x11e60398);
  const most = new Uint8Array(1_000_003).fill(255);
  let [a, b] = [1, 0];
  for (const byte of most) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  expect(adler32(most, most.length)).toBe(b * 65_536 + a);
});
