import { constants, deflateSync, inflateSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeInMemory, isInDecodeMemory } from '../../../src/cog/codec/decode-memory.ts';
import { decodeLzw } from '../../../src/cog/codec/lzw.ts';
import { encodeLzw } from '../../support/tiff-encoders.ts';

interface Content {
  readonly kind: 'noise' | 'few' | 'small' | 'repeated' | 'one';
  readonly length: number;
  readonly distance: number;
  readonly seed: number;
}

/** Bytes of the kinds that blocks hold: noise, few values, small differences, repetitions at a distance, one value. */
const content = fc.record<Content>({
  kind: fc.constantFrom('noise', 'few', 'small', 'repeated', 'one'),
  length: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 70_000 })),
  distance: fc.integer({ min: 1, max: 40 }),
  seed: fc.nat(),
});

function bytesOf({ kind, length, distance, seed }: Content): Uint8Array {
  let state = seed;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) {
    if (kind === 'noise') out[i] = next(256);
    else if (kind === 'few') out[i] = next(4) * 60;
    else if (kind === 'small') out[i] = Math.round(next(16) * next(16) * (next(2) - 0.5));
    else if (kind === 'repeated') out[i] = i < distance || next(200) === 0 ? next(256) : out[i - distance]!;
    else out[i] = seed & 0xff;
  }
  return out;
}

const deflating = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  strategy: fc.constantFrom(constants.Z_DEFAULT_STRATEGY, constants.Z_HUFFMAN_ONLY, constants.Z_RLE, constants.Z_FIXED),
  windowBits: fc.integer({ min: 9, max: 15 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
});

describe('inflating in memory', () => {
  test('gives what was deflated, of every content and by every setting', () => {
    const property = fc.property(content, deflating, (shape, options) => {
      const bytes = bytesOf(shape);
      const found = decodeInMemory('inflate', deflateSync(bytes, options), bytes.length);
      expect(found !== null && Buffer.compare(found, bytes) === 0).toBe(true);
    });
    fc.assert(property, { numRuns: 80 });
  });

  test('gives nothing else than zlib for a damaged stream, or leaves it to zlib', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    const property = fc.property(content, damage, fc.boolean(), (shape, changes, isCut) => {
      const bytes = bytesOf({ ...shape, length: Math.min(shape.length, 2000) });
      const stream = new Uint8Array(deflateSync(bytes));
      for (const [at, value] of changes) stream[at % stream.length] = value;
      const damaged = isCut ? stream.subarray(0, changes[0]![0] % stream.length) : stream;
      const found = decodeInMemory('inflate', damaged, bytes.length);
      expect(found === null || Buffer.compare(found, inflateSync(damaged)) === 0).toBe(true);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test('leaves to zlib a stream without its end, of more bytes than are expected, or with a dictionary', () => {
    const bytes = bytesOf({ kind: 'small', length: 5000, distance: 1, seed: 7 });
    const stream = deflateSync(bytes);
    expect(decodeInMemory('inflate', stream.subarray(0, -6), bytes.length)).toBeNull();
    expect(decodeInMemory('inflate', stream, bytes.length - 1)).toBeNull();
    expect(decodeInMemory('inflate', deflateSync(bytes, { dictionary: Buffer.from('abc') }), bytes.length)).toBeNull();
    expect(decodeInMemory('inflate', new Uint8Array(0), 10)).toBeNull();
  });

  test('leaves to zlib what would take more memory than it may keep', () => {
    const size = 16 * 1024 * 1024;
    expect(decodeInMemory('inflate', deflateSync(Buffer.alloc(size)), size)).toBeNull();
  });
});

function lzwOf(stream: Uint8Array, room: number): string {
  try {
    return Buffer.from(decodeLzw(stream, room)).toString('base64');
  } catch {
    return 'refused';
  }
}

describe('LZW in memory', () => {
  test('gives what was encoded, of every content', () => {
    const property = fc.property(content, (shape) => {
      const bytes = bytesOf(shape);
      const found = decodeInMemory('lzw', encodeLzw(bytes), bytes.length);
      expect(found !== null && isInDecodeMemory(found) && Buffer.compare(found, bytes) === 0).toBe(true);
    });
    fc.assert(property, { numRuns: 40 });
  });

  test('gives what the other decoder gives for damaged streams, and nothing where that throws', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    const property = fc.property(content, damage, fc.nat(3000), (shape, changes, room) => {
      const stream = encodeLzw(bytesOf({ ...shape, length: Math.min(shape.length, 3000) }));
      for (const [at, value] of changes) stream[at % stream.length] = value;
      stream[0] = 0x80;
      const found = decodeInMemory('lzw', stream, room);
      expect(found === null ? 'refused' : Buffer.from(found).toString('base64')).toBe(lzwOf(stream, room));
    });
    fc.assert(property, { numRuns: 200 });
  });
});
