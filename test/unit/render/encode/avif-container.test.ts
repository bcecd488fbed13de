import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { joinAvif } from '../../../../src/render/encode/avif-container.ts';

const SIZE = 48;

async function avif(
  channels: 3 | 4,
  value: (i: number, channel: number) => number,
  lossless: boolean,
): Promise<Buffer> {
  const pixels = Uint8Array.from({ length: SIZE * SIZE * channels }, (_, at) =>
    value(Math.floor(at / channels), at % channels),
  );
  const raw = { width: SIZE, height: SIZE, channels };
  return await sharp(pixels, { raw }).avif({ quality: 40, lossless, effort: 0 }).toBuffer();
}

const alphaAt = (i: number): number => (Math.imul(i, 2_654_435_761) >>> 24) & 255;
const colours = await avif(3, (i, channel) => ((i % SIZE) * 3 + 40 * channel) & 255, false);
const transparency = await avif(4, (i, channel) => (channel === 3 ? alphaAt(i) : 0), true);

describe('AVIF of two', () => {
  test('has the colours of one and the transparency of the other, both as they were', async () => {
    const joined = joinAvif(colours, transparency);
    const { data, info } = await sharp(joined).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: SIZE, height: SIZE, channels: 4 });
    const alone = await sharp(colours).raw().toBuffer();
    for (let i = 0; i < SIZE * SIZE; i++) {
      expect([...data.subarray(4 * i, 4 * i + 4)]).toEqual([...alone.subarray(3 * i, 3 * i + 3), alphaAt(i)]);
    }
  });

  test('takes no more than its parts', () => {
    expect(joinAvif(colours, transparency).length).toBeLessThan(colours.length + transparency.length);
  });

  test('is the same from parts of a larger buffer', () => {
    const within = (file: Buffer): Uint8Array => new Uint8Array([1, 2, 3, ...file, 4]).subarray(3, 3 + file.length);
    expect(Buffer.compare(joinAvif(within(colours), within(transparency)), joinAvif(colours, transparency))).toBe(0);
  });

  test.each<[string, () => Uint8Array]>([
    ['nothing', () => new Uint8Array(0)],
    ['a PNG file', () => Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
    ['half a file', () => colours.subarray(0, 100)],
    ['a file without transparency', () => colours],
  ])('of %s is refused', (_, file) => {
    expect(() => joinAvif(colours, file())).toThrow(RangeError);
  });
});
