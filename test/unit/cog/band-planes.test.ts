import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bandPlanes } from '../../../src/cog/codec/band-planes.ts';
import { undoFloatPredictor } from '../../../src/cog/codec/predictor.ts';
import { bytesPerSample, createSamples, type Dtype, type Samples } from '../../../src/raster/raster.ts';

const DTYPES: readonly Dtype[] = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32'];

const block = fc.record({
  dtype: fc.constantFrom(...DTYPES),
  width: fc.integer({ min: 1, max: 21 }),
  rows: fc.integer({ min: 1, max: 5 }),
  count: fc.integer({ min: 1, max: 6 }),
  isDifference: fc.boolean(),
  /** Samples in front of the block in the same memory. */
  lead: fc.constantFrom(0, 0, 1, 4),
  seed: fc.nat(),
});

function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

/** The bytes of a plane, sample by sample, each the sum of those before it in its row if they are differences. */
function planeBytes(samples: Samples, band: number, { width, rows, count, isDifference }: Shape): Buffer {
  const size = samples.BYTES_PER_ELEMENT;
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  const out = Buffer.alloc(width * rows * size);
  for (let row = 0; row < rows; row += 1) {
    let sum = 0;
    for (let col = 0; col < width; col += 1) {
      const value = bytes.readUIntLE(((row * width + col) * count + band) * size, size);
      sum = isDifference ? (sum + value) % 2 ** (8 * size) : value;
      out.writeUIntLE(sum, (row * width + col) * size, size);
    }
  }
  return out;
}

interface Shape {
  readonly width: number;
  readonly rows: number;
  readonly count: number;
  readonly isDifference: boolean;
}

test('bands are taken apart and summed as sample by sample, in every type, count and alignment', () => {
  const property = fc.property(block, ({ dtype, lead, seed, ...shape }) => {
    const size = bytesPerSample(dtype);
    const length = shape.width * shape.rows * shape.count;
    const memory = noise((lead + length) * size, seed);
    const view = createSamples(dtype, 0).constructor as new (b: ArrayBufferLike, o: number, l: number) => Samples;
    const samples = new view(memory.buffer, lead * size, length);
    const planes = bandPlanes({ samples, dtype, ...shape });
    expect(planes.length).toBe(shape.count);
    for (const [band, plane] of planes.entries()) {
      expect(plane.constructor).toBe(view);
      const found = Buffer.from(plane.buffer, plane.byteOffset, plane.byteLength);
      expect(found.equals(planeBytes(samples, band, shape))).toBe(true);
    }
  });
  fc.assert(property, { numRuns: 400 });
});

test('the float predictor is undone as byte by byte, in every width, count and alignment', () => {
  const input = fc.tuple(
    fc.integer({ min: 1, max: 40 }),
    fc.constantFrom(1, 2, 3),
    fc.constantFrom(4, 8),
    fc.constantFrom(0, 1),
    fc.nat(),
  );
  const property = fc.property(input, ([width, step, size, lead, seed]) => {
    const rowSamples = width * step;
    const rowBytes = rowSamples * size;
    const bytes = noise(lead + rowBytes * 3, seed).subarray(lead);
    const expected = new Uint8Array(bytes.length);
    for (let row = 0; row < bytes.length; row += rowBytes) {
      const sums = bytes.slice(row, row + rowBytes);
      for (let i = step; i < rowBytes; i += 1) sums[i]! += sums[i - step]!;
      for (let i = 0; i < rowBytes; i += 1) {
        const significance = Math.floor(i / rowSamples);
        expected[row + (i % rowSamples) * size + size - 1 - significance] = sums[i]!;
      }
    }
    expect(Buffer.compare(undoFloatPredictor(bytes, rowSamples, step, size), expected)).toBe(0);
  });
  fc.assert(property, { numRuns: 300 });
});
