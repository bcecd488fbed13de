import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalCodes, limitedLengths } from './kernel-parts.ts';

/** Counts from equal to steeper than any limit allows: the code of Fibonacci numbers is as long as they are many. */
const counts = fc
  .array(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 20_000 })), {
    minLength: 2,
    maxLength: 286,
  })
  .map((values) => Uint32Array.from(values, (value, i) => (i < 2 ? value + 1 : value)));

const fibonacci = Uint32Array.from({ length: 24 });
fibonacci.forEach((_, i) => (fibonacci[i] = i < 2 ? 1 : fibonacci[i - 1]! + fibonacci[i - 2]!));

function bitsOf(frequencies: Uint32Array, lengths: Uint8Array): number {
  return frequencies.reduce((sum, count, symbol) => sum + count * lengths[symbol]!, 0);
}

/** Least bits of any code no longer than the limit (Larmore and Hirschberg 1990, package-merge). */
function leastBits(frequencies: Uint32Array, limit: number): number {
  const leaves = [...frequencies].filter((count) => count > 0).toSorted((a, b) => a - b);
  let packages: number[] = [];
  for (let level = 0; level < limit; level++) {
    const merged = [...leaves, ...packages].toSorted((a, b) => a - b);
    packages = Array.from({ length: merged.length >> 1 }, (_, i) => merged[2 * i]! + merged[2 * i + 1]!);
  }
  return packages.slice(0, leaves.length - 1).reduce((sum, weight) => sum + weight, 0);
}

describe('lengths', () => {
  test.each([11, 12, 15])('make a complete code of at most %i bits with every symbol that occurs', (limit) => {
    fc.assert(
      fc.property(counts, (frequencies) => {
        const lengths = limitedLengths(frequencies, limit);
        expect(lengths.every((length, symbol) => length > 0 === frequencies[symbol]! > 0)).toBe(true);
        expect(Math.max(...lengths)).toBeLessThanOrEqual(limit);
        expect(lengths.reduce((room, length) => room + (length > 0 ? 2 ** (limit - length) : 0), 0)).toBe(2 ** limit);
      }),
    );
  });

  test('are the best where the limit does not bind, and within a thousandth where it does', () => {
    fc.assert(
      fc.property(counts, fc.constantFrom(11, 12, 15), (frequencies, limit) => {
        const bits = bitsOf(frequencies, limitedLengths(frequencies, limit));
        const isFree = Math.max(...limitedLengths(frequencies, 30)) <= limit;
        expect(bits).toBeLessThanOrEqual(leastBits(frequencies, limit) * (isFree ? 1 : 1.001));
      }),
    );
  });

  test.each([7, 11, 15])('hold a limit of %i far below what the counts ask for', (limit) => {
    expect(Math.max(...limitedLengths(fibonacci, 30))).toBe(23);
    const bits = bitsOf(fibonacci, limitedLengths(fibonacci, limit));
    expect(bits).toBeLessThanOrEqual(leastBits(fibonacci, limit) * 1.1);
  });
});

test('codes are those of the example in RFC 1951, 3.2.2, bits reversed', () => {
  const codes = canonicalCodes(Uint8Array.of(3, 3, 3, 3, 3, 2, 4, 4));
  const written = Array.from(codes, (code) =>
    Array.from({ length: code >>> 16 }, (_, bit) => (code >> bit) & 1).join(''),
  );
  expect(written).toEqual(['010', '011', '100', '101', '110', '00', '1110', '1111']);
});
