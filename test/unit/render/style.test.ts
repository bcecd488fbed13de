import { describe, expect, test } from 'vitest';
import type { Raster, Samples } from '../../../src/raster/raster.ts';
import { isIndexed } from '../../../src/render/encode/check-picture.ts';
import { createStyle, paletteUseOf } from '../../../src/render/style.ts';
import type { RenderStyle } from '../../../src/render/style.ts';

function raster(dtype: Raster['dtype'], bands: readonly Samples[], mask?: readonly number[]): Raster {
  const width = bands[0]?.length ?? 0;
  return {
    width,
    height: 1,
    dtype,
    bands,
    mask: mask === undefined ? new Uint8Array(width).fill(255) : Uint8Array.from(mask),
  };
}

function styled(from: Raster, rescale: RenderStyle['rescale'], more: Partial<RenderStyle> = {}): number[][] {
  return directly(from, { rescale, ...more }).bands.map((band) => [...band]);
}

/** The picture of a style that is none by index. */
function directly(from: Raster, style: RenderStyle): Raster {
  const picture = createStyle(style)(from);
  if (isIndexed(picture)) throw new TypeError('a picture by index');
  return picture;
}

describe('style', () => {
  test('maps a range linearly, clips outside and rounds half up', () => {
    const values = Uint16Array.of(0, 999, 1000, 1001, 1500, 2000, 2001, 65_535);
    expect(styled(raster('uint16', [values]), [[1000, 2000]])).toEqual([[0, 0, 0, 0, 128, 255, 255, 255]]);
    // 0.5 / 255 of the range is the first value that shows; just below it is still black.
    expect(styled(raster('float64', [Float64Array.of(0.499, 0.5, 254.499, 254.5)]), [[0, 255]])).toEqual([
      [0, 1, 254, 255],
    ]);
  });

  test.each([
    { dtype: 'uint8', values: Uint8Array.from({ length: 256 }, (_, i) => i), range: [3, 200] },
    { dtype: 'uint16', values: Uint16Array.from({ length: 65_536 }, (_, i) => i), range: [17, 3456.5] },
    { dtype: 'int16', values: Int16Array.from({ length: 1000 }, (_, i) => i - 500), range: [-400, 321] },
    { dtype: 'float32', values: Float32Array.from({ length: 1000 }, (_, i) => i / 7 - 60), range: [-20.5, 60.25] },
  ] as const)('every value of $dtype is what the formula says', ({ dtype, values, range: [from, to] }) => {
    const expected = Array.from(values, (value) => {
      const position = Math.min(Math.max((value - from) / (to - from), 0), 1);
      return Math.floor(position * 255 + 0.5);
    });
    expect(styled(raster(dtype, [values]), [[from, to]])).toEqual([expected]);
  });

  test('one pair is for all bands, several are one each', () => {
    const bands = [Uint8Array.of(100), Uint8Array.of(100), Uint8Array.of(100)];
    expect(styled(raster('uint8', bands), [[0, 200]])).toEqual([[128], [128], [128]]);
    expect(
      styled(raster('uint8', bands), [
        [0, 200],
        [100, 200],
        [0, 100],
      ]),
    ).toEqual([[128], [0], [255]]);
  });

  test('a range the other way round inverts', () => {
    expect(styled(raster('uint8', [Uint8Array.of(0, 50, 100)]), [[100, 0]])).toEqual([[255, 128, 0]]);
  });

  test('a valid value that becomes 0 stays valid, and what is under mask 0 becomes 0', () => {
    const from = raster('uint16', [Uint16Array.of(0, 5000, 5000)], [255, 0, 128]);
    const result = directly(from, { rescale: [[1000, 3000]] });
    expect([...result.mask]).toEqual([255, 0, 128]);
    expect([...result.bands[0]!]).toEqual([0, 0, 255]);
    expect(result.dtype).toBe('uint8');
  });

  test('uint8 without rescale passes, with 0 under mask 0, and is not changed in place', () => {
    const values = Uint8Array.of(1, 2, 3);
    expect(styled(raster('uint8', [values], [255, 0, 255]), null)).toEqual([[1, 0, 3]]);
    expect([...values]).toEqual([1, 2, 3]);
  });

  test('other dtypes without rescale are refused with the reason', () => {
    const style = createStyle({ rescale: null });
    expect(() => style(raster('uint16', [Uint16Array.of(1)]))).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringMatching(/uint16.*"rescale": \[\[/) }),
    );
  });

  test.each([0, 2, 4, 13])('%i bands are no picture', (count) => {
    const bands = Array.from({ length: count }, () => Uint8Array.of(1));
    expect(() => createStyle({ rescale: null })(raster('uint8', bands))).toThrow(
      expect.objectContaining({
        code: 'REQUEST_INVALID',
        message: expect.stringMatching(new RegExp(`${count} bands.*bidx`)),
      }),
    );
  });

  test.each([
    [
      [
        [0, 1],
        [0, 1],
      ],
    ],
    [[[5, 5]]],
    [[]],
  ])('the ranges %j are refused for three bands', (rescale) => {
    const bands = [1, 2, 3].map((value) => Uint8Array.of(value));
    expect(() => createStyle({ rescale: rescale as [number, number][] })(raster('uint8', bands))).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  });
});

describe('16 bits', () => {
  const deep = { bitDepth: 16 } as const;

  test('uint16 passes as it is, with 0 under mask 0', () => {
    const values = Uint16Array.of(1, 40_000, 65_535);
    expect(styled(raster('uint16', [values], [255, 0, 255]), null, deep)).toEqual([[1, 0, 65_535]]);
    expect(directly(raster('uint16', [values]), { rescale: null, ...deep }).dtype).toBe('uint16');
    expect([...values]).toEqual([1, 40_000, 65_535]);
  });

  test('a range is mapped to 0..65535, whatever the values are', () => {
    expect(styled(raster('float32', [Float32Array.of(-1, 0, 0.5, 1, 2)]), [[0, 1]], deep)).toEqual([
      [0, 0, 32_768, 65_535, 65_535],
    ]);
    expect(styled(raster('uint8', [Uint8Array.of(0, 1, 255)]), [[0, 255]], deep)).toEqual([[0, 257, 65_535]]);
    expect(styled(raster('uint16', [Uint16Array.of(0, 9, 3000)]), [[0, 3000]], deep)).toEqual([[0, 197, 65_535]]);
  });

  test.each([
    ['uint8', Uint8Array.of(1), /16 bits of uint8 values without rescale: only uint16/],
    ['int16', Int16Array.of(1), /16 bits of int16/],
    ['float64', Float64Array.of(1), /16 bits of float64/],
  ] as const)('%s without rescale is refused', (dtype, values, message) => {
    expect(() => styled(raster(dtype, [values]), null, deep)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringMatching(message) }),
    );
  });

  test('8 bits of uint16 values are refused with both ways out', () => {
    expect(() => styled(raster('uint16', [Uint16Array.of(1)]), null)).toThrow(/"rescale".*"bitDepth": 16/);
  });
});

describe('what the values of files with a palette are', () => {
  test.each<[string, RenderStyle]>([
    ['colours', { rescale: null }],
    ['colours', { rescale: null, colormap: null, bitDepth: 8 }],
    ['colours', { rescale: null, colormap: 'source' }],
    ['numbers', { rescale: null, colormap: 'none' }],
    ['numbers', { rescale: null, bitDepth: 16 }],
    ['numbers', { rescale: [[0, 9]] }],
    ['numbers', { rescale: [[0, 9]], colormap: { '1': [1, 2, 3] } }],
    ['classes', { rescale: null, colormap: { '1': [1, 2, 3] } }],
  ])('%s with %j', (use, style) => {
    expect(paletteUseOf(style)).toBe(use);
  });
});
