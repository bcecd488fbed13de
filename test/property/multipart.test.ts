import { setImmediate } from 'node:timers/promises';
import { array, assert as assertProperty, asyncProperty, constantFrom, integer, oneof, record } from 'fast-check';
import { expect, test } from 'vitest';
import type { ObjectPlace } from '../../src/store/object-store.ts';
import { FIRST_READ_BYTES } from '../../src/store/pmtiles/header.ts';
import { MultipartSink } from '../../src/store/pmtiles/multipart-sink.ts';
import type { MultipartUpload, UploadJoint, UploadPiece } from '../../src/store/pmtiles/multipart-sink.ts';
import type { PartLimits } from '../../src/store/pmtiles/part-plan.ts';

/** Multiples of the head, so that its part is no special case of size alone. */
const MIN_PART = FIRST_READ_BYTES + 4_000;
const MAX_PART = 3 * MIN_PART;
const SOURCE = Buffer.from(Uint8Array.from({ length: 8 * MIN_PART }, (_, i) => (i * 31 + (i >> 8)) & 255));

/** Joints are numbered from there on, behind all pieces. */
const FIRST_JOINT = 1_000;

/** An upload in memory that takes calls in any order. */
function memoryUpload(): MemoryUpload {
  const parts = new Map<number, Buffer>();
  const pieces: Map<number, Buffer>[] = [];
  const stats = { copied: 0, underWay: 0, peak: 0, joints: 0, discarded: 0 };
  const part = ({ path, offset }: ObjectPlace, length: number): Buffer => {
    const index = /^piece (\d+)$/.exec(path)?.[1];
    const from = index === undefined ? SOURCE : joined(pieces[Number(index)] ?? new Map());
    return from.subarray(offset, offset + length);
  };
  /** Calls end in another order than they began in. */
  const later = async (): Promise<void> => {
    stats.peak = Math.max(stats.peak, ++stats.underWay);
    for (let turns = (stats.underWay * 7) % 5; turns >= 0; turns--) await setImmediate();
    stats.underWay--;
  };
  const uploadTo = (into: Map<number, Buffer>): UploadPiece['upload'] => ({
    hasPart: () => false,
    putPart: async (number, bytes) => {
      await later();
      into.set(number, Buffer.from(bytes));
    },
    copyPart: async (number, place, length) => {
      await later();
      if (!place.path.startsWith('piece')) stats.copied += length;
      into.set(number, Buffer.from(part(place, length)));
    },
  });
  const begin = (index: number): UploadJoint => {
    const into = new Map<number, Buffer>();
    pieces[index] = into;
    const complete = async (length: number): Promise<ObjectPlace> => {
      expect(joined(into).length).toBe(length);
      return await Promise.resolve({ path: `piece ${index}`, offset: 0 });
    };
    const discard = async (): Promise<void> => {
      stats.discarded++;
      await Promise.resolve();
    };
    return { upload: uploadTo(into), complete, discard };
  };
  const upload: MultipartUpload = {
    ...uploadTo(parts),
    read: async (place, length) => {
      await later();
      return part(place, length);
    },
    beginPiece: async (index) => await Promise.resolve(begin(index)),
    beginJoint: async () => await Promise.resolve(begin(FIRST_JOINT + stats.joints++)),
  };
  return { upload, parts, pieces, stats };
}

interface MemoryUpload {
  readonly upload: MultipartUpload;
  readonly parts: Map<number, Buffer>;
  readonly pieces: Map<number, Buffer>[];
  readonly stats: { copied: number; underWay: number; peak: number; joints: number; discarded: number };
}

function numbersOf(parts: ReadonlyMap<number, Buffer>): number[] {
  return [...parts.keys()].sort((a, b) => a - b);
}

function joined(parts: ReadonlyMap<number, Buffer>): Buffer {
  return Buffer.concat(numbersOf(parts).map((number) => parts.get(number)!));
}

/** Fails unless parts are numbered from 1 on and have the sizes that a store asks for. */
function checkParts(
  parts: ReadonlyMap<number, Buffer>,
  { minPartBytes, maxPartBytes, maxParts, ...limits }: PartLimits,
) {
  const numbers = numbersOf(parts);
  expect(numbers).toStrictEqual(numbers.map((_, index) => index + 1));
  expect(numbers.length).toBeLessThanOrEqual(maxParts);
  const sizes = numbers.map((number) => parts.get(number)!.length);
  const isRight = (size: number): boolean =>
    limits.equalParts ? size === limits.partBytes : size >= minPartBytes && size <= maxPartBytes;
  expect(sizes.slice(0, -1).filter((size) => !isRight(size))).toStrictEqual([]);
}

const stepArbitrary = record({
  kind: constantFrom('write', 'copy'),
  offset: integer({ min: 0, max: MIN_PART }),
  length: oneof(integer({ min: 1, max: 300 }), integer({ min: 1, max: 7 * MIN_PART })),
});

const LIMITS: PartLimits = {
  minPartBytes: MIN_PART,
  maxPartBytes: MAX_PART,
  maxParts: 10_000,
  partBytes: MIN_PART + 3_000,
  equalParts: false,
  copyParts: true,
};

type Step = { readonly kind: 'write' | 'copy'; readonly offset: number; readonly length: number };

/** Puts an archive together in the steps given. @returns what it must be */
async function put(sink: MultipartSink, steps: readonly Step[], tail: number): Promise<Buffer> {
  const expected: Buffer[] = [Buffer.alloc(FIRST_READ_BYTES, 7)];
  for (const { kind, offset, length } of steps) {
    const bytes = SOURCE.subarray(offset, offset + length);
    expected.push(bytes);
    if (kind === 'write') await sink.write(bytes);
    else await sink.copy({ path: 'source', offset }, length);
  }
  expected.push(Buffer.alloc(tail, 9));
  await sink.finish(expected[0]!, [Buffer.alloc(tail, 9)]);
  return Buffer.concat(expected);
}

const stepsArbitrary = array(stepArbitrary, { maxLength: 12 });
const tailArbitrary = integer({ min: 1, max: 40_000 });

test.each([false, true])(
  'parts make up the archive and keep to the rules of the store; equal parts: %s',
  async (equalParts) => {
    await assertProperty(
      asyncProperty(stepsArbitrary, tailArbitrary, async (steps, tail) => {
        const { upload, parts, pieces, stats } = memoryUpload();
        const limits = { ...LIMITS, equalParts };
        const sink = new MultipartSink(upload, limits);
        const expected = await put(sink, steps, tail);
        checkParts(parts, limits);
        expect(joined(parts).equals(expected)).toBe(true);
        expect(sink.bytes).toBe(expected.length);
        const joints = pieces.slice(FIRST_JOINT);
        for (const joint of joints) checkParts(joint, limits);
        // There is none where all parts are alike.
        expect(joints.length).toBe(equalParts ? 0 : stats.joints);
        expect(stats.discarded).toBe(stats.joints);
        expect(Object.keys(pieces).length).toBe(joints.length);
        const total = steps.reduce((sum, { length }) => sum + length, 0);
        expect(stats.copied).toBe(total - sink.passedBytes);
      }),
      { numRuns: 100 },
    );
  },
);

test('with more parts than there may be, parts are joined to pieces', async () => {
  let withPieces = 0;
  await assertProperty(
    asyncProperty(stepsArbitrary, tailArbitrary, async (steps, tail) => {
      const { upload, parts, pieces } = memoryUpload();
      // 64 parts go straight into the archive. The others are more than twelve steps and the end can take, even where each
      // large part comes between two pieces.
      const limits = { ...LIMITS, maxParts: 80, maxPartBytes: 8 * MIN_PART };
      const before = Array.from({ length: 62 }, () => ({ kind: 'copy', offset: 0, length: MIN_PART }) as const);
      const expected = await put(new MultipartSink(upload, limits), [...before, ...steps], tail);
      checkParts(parts, limits);
      for (const piece of Object.values(pieces)) {
        checkParts(piece, limits);
        expect(joined(piece).length).toBeLessThanOrEqual(limits.maxPartBytes);
      }
      expect(joined(parts).equals(expected)).toBe(true);
      if (pieces[0] !== undefined) withPieces++;
    }),
    { numRuns: 100 },
  );
  expect(withPieces).toBeGreaterThan(30);
});

test('the parts of the same steps are the same, whatever ended first', async () => {
  const steps = [
    { kind: 'copy', offset: 5, length: 300 },
    { kind: 'write', offset: 0, length: 2 * MIN_PART },
    { kind: 'copy', offset: 77, length: 6 * MIN_PART },
    { kind: 'copy', offset: 9, length: 3 },
  ] as const;
  const runs: (readonly (readonly [number, Buffer])[])[] = [];
  for (const stir of [0, 3]) {
    const { upload, parts, stats } = memoryUpload();
    stats.underWay = stir;
    await put(new MultipartSink(upload, LIMITS), [...steps, ...steps], 10);
    runs.push(numbersOf(parts).map((number) => [number, parts.get(number)!]));
  }
  expect(runs[0]).toStrictEqual(runs[1]);
});

test('an archive that needs more parts than there may be, pieces and all, is refused', async () => {
  for (const equalParts of [false, true]) {
    const { upload } = memoryUpload();
    const sink = new MultipartSink(upload, { ...LIMITS, maxParts: 5, maxPartBytes: 2 * MIN_PART, equalParts });
    const steps = Array.from({ length: 9 }, () => ({ kind: 'copy', offset: 0, length: 2 * MIN_PART }) as const);
    await expect(put(sink, steps, 1)).rejects.toMatchObject({ code: 'BYTES_LIMIT' });
    await sink.settle();
  }
});

test('what is copied by the server does not pass through, and calls go at once', async () => {
  const { upload, stats } = memoryUpload();
  const sink = new MultipartSink(upload, LIMITS);
  for (let n = 0; n < 40; n++) await sink.copy({ path: 'source', offset: 0 }, 2 * MIN_PART);
  await sink.finish(Buffer.alloc(FIRST_READ_BYTES), [Buffer.alloc(10)]);
  // The first part holds the head, and is filled up.
  expect(sink.passedBytes).toBe(MIN_PART - FIRST_READ_BYTES);
  expect(stats.copied).toBe(80 * MIN_PART - sink.passedBytes);
  expect(stats.peak).toBeGreaterThanOrEqual(16);
  expect(stats.peak).toBeLessThanOrEqual(16 + 4);
});

test('a short stretch between long ones is joined to the one before it, and nothing is sent to fill it up', async () => {
  const { upload, parts, pieces, stats } = memoryUpload();
  const sink = new MultipartSink(upload, LIMITS);
  // The first part is full with that.
  const first = LIMITS.partBytes - FIRST_READ_BYTES;
  const steps: Step[] = [{ kind: 'write', offset: 0, length: first }];
  for (const [kind, length] of [
    ['copy', 300],
    ['write', 200],
  ] as const) {
    // So long that its end alone is copied twice, and so short that all of it is.
    for (const long of [3 * MIN_PART, MIN_PART + 50]) {
      steps.push({ kind: 'copy', offset: 9, length: long }, { kind, offset: 70, length });
    }
  }
  const expected = await put(sink, [...steps, { kind: 'copy', offset: 5, length: 2 * MIN_PART }], 50);
  expect(joined(parts).equals(expected)).toBe(true);
  expect(
    pieces.slice(FIRST_JOINT).map((piece) => numbersOf(piece).map((number) => piece.get(number)!.length)),
  ).toStrictEqual([
    [MIN_PART, 300],
    [MIN_PART + 50, 300],
    [MIN_PART, 200],
    [MIN_PART + 50, 200],
  ]);
  // What was written, and nothing of what was copied.
  expect(sink.passedBytes).toBe(first + 400);
  expect(stats.copied).toBe(10 * MIN_PART + 100 + 600);
});

test('what is there from before is not made again', async () => {
  const { upload, stats } = memoryUpload();
  const sink = new MultipartSink({ ...upload, hasPart: () => true }, LIMITS);
  for (let n = 0; n < 3; n++) {
    await sink.copy({ path: 'source', offset: 0 }, 4 * MIN_PART);
    await sink.copy({ path: 'source', offset: 0 }, 100);
  }
  await sink.finish(Buffer.alloc(FIRST_READ_BYTES), []);
  expect(stats.joints).toBe(0);
});

test('where the server copies no parts, all bytes are sent', async () => {
  const { upload, parts, stats } = memoryUpload();
  const limits = { ...LIMITS, copyParts: false };
  const expected = await put(new MultipartSink(upload, limits), [{ kind: 'copy', offset: 1, length: 7 * MIN_PART }], 1);
  checkParts(parts, limits);
  expect(stats.copied).toBe(0);
  expect(joined(parts).equals(expected)).toBe(true);
});

test('a stretch that is too long for a part is divided evenly', async () => {
  const { upload, parts } = memoryUpload();
  const sink = new MultipartSink(upload, LIMITS);
  await sink.write(SOURCE.subarray(0, MIN_PART + 3_000 - FIRST_READ_BYTES));
  await sink.copy({ path: 'source', offset: 0 }, 7 * MIN_PART);
  await sink.finish(Buffer.alloc(FIRST_READ_BYTES), []);
  const third = Math.ceil((7 * MIN_PART) / 3);
  expect([2, 3, 4].map((number) => parts.get(number)?.length)).toStrictEqual([third, third, 7 * MIN_PART - 2 * third]);
});

test('short stretches that lie close together are read at once', async () => {
  const { upload } = memoryUpload();
  const reads: number[] = [];
  const sink = new MultipartSink(
    {
      ...upload,
      read: async (place, length) => {
        reads.push(length);
        return await upload.read(place, length);
      },
    },
    LIMITS,
  );
  const expected: Buffer[] = [Buffer.alloc(FIRST_READ_BYTES)];
  for (let n = 0; n < 20; n++) {
    await sink.copy({ path: 'source', offset: n * 60 }, 50);
    await sink.write(Buffer.from([n]));
    expected.push(SOURCE.subarray(n * 60, n * 60 + 50), Buffer.from([n]));
  }
  await sink.finish(expected[0]!, []);
  expect(reads).toStrictEqual([19 * 60 + 50]);
});

test('a part that fails ends it', async () => {
  const { upload } = memoryUpload();
  const broken: MultipartUpload = { ...upload, copyPart: () => Promise.reject(new Error('refused')) };
  const sink = new MultipartSink(broken, LIMITS);
  await sink.copy({ path: 'source', offset: 0 }, 3 * MIN_PART);
  await expect(sink.finish(Buffer.alloc(FIRST_READ_BYTES), [Buffer.alloc(10)])).rejects.toThrow('refused');
  await sink.settle();
});
