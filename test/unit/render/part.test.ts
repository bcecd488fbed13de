import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRaster } from '../../../src/raster/raster.ts';
import type { Dtype, PaletteColour } from '../../../src/raster/raster.ts';
import { decodePart, encodePart } from '../../../src/render/part.ts';

const TILE = { z: 3, x: 1, y: 2 };
const DTYPES: readonly Dtype[] = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'float32', 'float64'];

test('rasters of every dtype come back as they were, and the same ones give the same bytes', () => {
  const side = fc.integer({ min: 1, max: 20 });
  const colour = fc.tuple(...[0, 1, 2, 3].map(() => fc.nat({ max: 255 }))) as unknown as fc.Arbitrary<PaletteColour>;
  fc.assert(
    fc.property(
      fc.constantFrom(...DTYPES),
      side,
      side,
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.nat({ max: 255 })),
      fc.array(colour, { maxLength: 5 }),
      (dtype, width, height, bandCount, stream, colours) => {
        const next = (): number => stream.next().value as number;
        const plain = createRaster(width, height, dtype, bandCount);
        for (const plane of [plain.mask, ...plain.bands]) for (let i = 0; i < plane.length; i++) plane[i] = next();
        const raster = colours.length === 0 ? plain : { ...plain, palette: colours };
        const bytes = encodePart(raster);
        expect(decodePart(TILE, bytes)).toStrictEqual(raster);
        expect(encodePart(raster)).toStrictEqual(bytes);
      },
    ),
    { numRuns: 60 },
  );
});

test('nothing comes back as nothing', () => {
  expect(decodePart(TILE, encodePart(null))).toBeNull();
});

describe('what is damaged is an error with the name of the tile', () => {
  const raster = createRaster(8, 8, 'uint16', 3);
  raster.bands[1]?.fill(777);
  const whole = encodePart(raster);

  test.each([0, 3, 4, 20, 36, 40, whole.length - 1])('cut after %i bytes', (length) => {
    expect(() => decodePart(TILE, whole.subarray(0, length))).toThrow(
      expect.objectContaining({ code: 'TILE_CHILD_FAILED', message: expect.stringContaining('3/1/2') as string }),
    );
  });

  test('one bit anywhere', () => {
    for (let at = 0; at < whole.length; at++) {
      const bytes = Uint8Array.from(whole);
      bytes[at]! ^= 1;
      expect(() => decodePart(TILE, bytes), `byte ${at}`).toThrow(
        expect.objectContaining({ code: 'TILE_CHILD_FAILED' }),
      );
    }
  });
});
