import { array, assert as assertProperty, asyncProperty, constantFrom, integer, oneof, record } from 'fast-check';
import { expect, test } from 'vitest';
import { FIRST_READ_BYTES } from '../../src/store/pmtiles/header.ts';
import { MultipartSink } from '../../src/store/pmtiles/multipart-sink.ts';
import type { MultipartUpload } from '../../src/store/pmtiles/multipart-sink.ts';

/** Multiples of the head, so that its part is no special case of size alone. */
const MIN_PART = FIRST_READ_BYTES + 4_000;
const MAX_PART = 3 * MIN_PART;
const SOURCE = Buffer.from(Uint8Array.from({ length: 8 * MIN_PART }, (_, i) => (i * 31 + (i >> 8)) & 255));

/** An upload in memory that takes calls in any order. */
function memoryUpload(): {
  readonly upload: MultipartUpload;
  readonly parts: Map<number, Buffer>;
  copied: () => number;
} {
  const parts = new Map<number, Buffer>();
  let copied = 0;
  const part = (offset: number, length: number): Buffer => SOURCE.subarray(offset, offset + length);
  return {
    parts,
    copied: () => copied,
    upload: {
      putPart: async (number, bytes) => {
        await Promise.resolve();
        parts.set(number, Buffer.from(bytes));
      },
      copyPart: async (number, { offset }, length) => {
        await Promise.resolve();
        copied += length;
        parts.set(number, part(offset, length));
      },
      read: async ({ offset }, length) => await Promise.resolve(part(offset, length)),
    },
  };
}

const stepArbitrary = record({
  kind: constantFrom('write', 'copy'),
  offset: integer({ min: 0, max: MIN_PART }),
  length: oneof(integer({ min: 1, max: 300 }), integer({ min: 1, max: 7 * MIN_PART })),
});

test.each([false, true])(
  'parts make up the archive and keep to the rules of the store; equal parts: %s',
  async (equalParts) => {
    await assertProperty(
      asyncProperty(array(stepArbitrary, { maxLength: 12 }), integer({ min: 1, max: 40_000 }), async (steps, tail) => {
        const { upload, parts, copied } = memoryUpload();
        const sink = new MultipartSink(upload, { minPartBytes: MIN_PART, maxPartBytes: MAX_PART, equalParts });
        const expected: Buffer[] = [Buffer.alloc(FIRST_READ_BYTES, 7)];
        for (const { kind, offset, length } of steps) {
          const bytes = SOURCE.subarray(offset, offset + length);
          expected.push(bytes);
          if (kind === 'write') await sink.write(bytes);
          else await sink.copy({ path: 'source', offset }, length);
        }
        expected.push(Buffer.alloc(tail, 9));
        await sink.finish(expected[0]!, [Buffer.alloc(tail, 9)]);
        const numbers = [...parts.keys()].sort((a, b) => a - b);
        expect(numbers).toStrictEqual(numbers.map((_, index) => index + 1));
        const sizes = numbers.map((number) => parts.get(number)!.length);
        expect(Buffer.concat(numbers.map((number) => parts.get(number)!)).equals(Buffer.concat(expected))).toBe(true);
        const isRight = (size: number): boolean => (equalParts ? size === MIN_PART : size >= MIN_PART);
        expect(sizes.slice(0, -1).filter((size) => !isRight(size))).toStrictEqual([]);
        const total = steps.reduce((sum, { length }) => sum + length, 0);
        expect(copied()).toBe(equalParts ? 0 : total - sink.passedBytes);
      }),
      { numRuns: 100 },
    );
  },
);

test('what is copied by the server does not pass through', async () => {
  const { upload, copied } = memoryUpload();
  const sink = new MultipartSink(upload, { minPartBytes: MIN_PART, maxPartBytes: MAX_PART, equalParts: false });
  for (let n = 0; n < 20; n++) await sink.copy({ path: 'source', offset: 0 }, 2 * MIN_PART);
  await sink.finish(Buffer.alloc(FIRST_READ_BYTES), [Buffer.alloc(10)]);
  // The first part holds the head, and is filled up.
  expect(sink.passedBytes).toBe(MIN_PART - FIRST_READ_BYTES);
  expect(copied()).toBe(40 * MIN_PART - sink.passedBytes);
});

test('a part that fails ends it', async () => {
  const { upload } = memoryUpload();
  const broken: MultipartUpload = { ...upload, copyPart: () => Promise.reject(new Error('refused')) };
  const sink = new MultipartSink(broken, { minPartBytes: MIN_PART, maxPartBytes: MAX_PART, equalParts: false });
  await sink.copy({ path: 'source', offset: 0 }, 3 * MIN_PART);
  await expect(sink.finish(Buffer.alloc(FIRST_READ_BYTES), [Buffer.alloc(10)])).rejects.toThrow('refused');
});
