import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSamples } from '../../../src/raster/raster.ts';
import type { Dtype, PaletteColour, Raster } from '../../../src/raster/raster.ts';
import { isIndexed, toColours } from '../../../src/render/encode/check-picture.ts';
import { createStyle } from '../../../src/render/style.ts';
import type { RenderStyle } from '../../../src/render/style.ts';

interface Given {
  readonly dtype?: Dtype;
  readonly mask?: readonly number[];
  readonly palette?: readonly PaletteColour[];
}

function raster(values: readonly number[], { dtype = 'uint8', mask, palette }: Given = {}): Raster {
  const band = createSamples(dtype, values.length);
  band.set(values);
  return {
    width: values.length,
    height: 1,
    dtype,
    bands: [band],
    mask: mask === undefined ? new Uint8Array(values.length).fill(255) : Uint8Array.from(mask),
    ...(palette === undefined ? {} : { palette }),
  };
}

/** The colour of each pixel, red to alpha, and whether the picture is one by index. */
function show(from: Raster, style: Partial<RenderStyle>): { pixels: number[][]; indexed: boolean } {
  const picture = createStyle({ rescale: null, ...style })(from);
  const { bands, mask } = toColours(picture);
  const pixels = Array.from(mask, (alpha, i) => [...[0, 1, 2].map((b) => bands[b % bands.length]![i]!), alpha]);
  return { pixels, indexed: isIndexed(picture) };
}

const CLEAR = [0, 0, 0, 0];
const PALETTE: readonly PaletteColour[] = [
  [0, 0, 0, 255],
  [0, 100, 0, 255],
  [255, 187, 34, 128],
  [9, 9, 9, 0],
];

describe("the file's own palette", () => {
  test('gives each value its colour, by index', () => {
    const { pixels, indexed } = show(raster([0, 1, 2], { palette: PALETTE }), {});
    expect(indexed).toBe(true);
    expect(pixels).toEqual([
      [0, 0, 0, 255],
      [0, 100, 0, 255],
      [255, 187, 34, 128],
    ]);
  });

  test('is transparent where its colour is, beyond its end, and where there is no data', () => {
    const picture = createStyle({ rescale: null })(
      raster([3, 4, 1, 1], { palette: PALETTE, mask: [255, 255, 0, 255] }),
    );
    expect([...picture.mask]).toEqual([0, 0, 0, 255]);
    expect(show(raster([3, 4, 1], { palette: PALETTE, mask: [255, 255, 0] }), {}).pixels).toEqual([
      CLEAR,
      CLEAR,
      CLEAR,
    ]);
  });

  test('gives the same picture whatever lies under mask 0', () => {
    const one = createStyle({ rescale: null })(raster([1, 2], { palette: PALETTE, mask: [255, 0] }));
    const other = createStyle({ rescale: null })(raster([1, 0], { palette: PALETTE, mask: [255, 0] }));
    expect(one).toEqual(other);
  });

  test('is colours directly where a pixel is partly transparent by the mask, which multiplies', () => {
    const { pixels, indexed } = show(raster([1, 2], { palette: PALETTE, mask: [128, 128] }), {});
    expect(indexed).toBe(false);
    expect(pixels).toEqual([
      [0, 100, 0, 128],
      [255, 187, 34, 64],
    ]);
  });

  test('may be of 16 bits: by index if 256 colours or fewer occur, else colours directly', () => {
    const palette = Array.from({ length: 65_536 }, (_, n): PaletteColour => [n >> 8, n & 255, 7, 255]);
    const colourOf = (value: number): number[] => [...palette[value]!];
    const few = Array.from({ length: 256 }, (_, n) => 65_535 - 257 * n);
    expect(show(raster(few, { dtype: 'uint16', palette }), {})).toEqual({ pixels: few.map(colourOf), indexed: true });
    const many = [...few, 1];
    expect(show(raster(many, { dtype: 'uint16', palette }), {})).toEqual({
      pixels: many.map(colourOf),
      indexed: false,
    });
  });

  test('gives the same whether all is valid or only nearly so', () => {
    const palette = Array.from({ length: 256 }, (_, n): PaletteColour => [n, 255 - n, 7, n % 2 === 0 ? 255 : 100]);
    const values = Array.from({ length: 4096 }, (_, i) =>
      i < 2000 ? (i >> 6) * 3 : Math.imul(i, 2_654_435_761) >>> 24,
    );
    const full = createStyle({ rescale: null })(raster(values, { palette }));
    // One pixel more, which takes the way of pictures that are not full and do not come in fours.
    const more = createStyle({ rescale: null })(
      raster([...values, 0], { palette, mask: [...values.map(() => 255), 0] }),
    );
    if (!isIndexed(full) || !isIndexed(more)) throw new TypeError('not by index');
    expect(full.palette).toEqual(more.palette);
    expect(full.indices).toEqual(more.indices.subarray(0, -1));
    expect(full.mask).toEqual(more.mask.subarray(0, -1));
    expect(show(raster(values, { palette }), {}).pixels).toEqual(values.map((value) => [...palette[value]!]));
  });

  test('is cut down to what occurs, in its order', () => {
    const palette = Array.from({ length: 256 }, (_, n): PaletteColour => [n, n, 0, 255]);
    expect(
      createStyle({ rescale: null })(raster([90, 10, 10, 50], { palette, mask: [255, 255, 255, 0] })),
    ).toMatchObject({
      indices: Uint8Array.of(1, 0, 0, 0),
      palette: [
        [10, 10, 0, 255],
        [90, 90, 0, 255],
      ],
    });
  });

  test.each<Partial<RenderStyle>>([{ colormap: 'none' }, { rescale: [[0, 255]] }])('is left aside with %j', (style) => {
    expect(show(raster([0, 1, 3], { palette: PALETTE }), style).pixels).toEqual(
      [0, 1, 3].map((grey) => [grey, grey, grey, 255]),
    );
  });

  test('gives way to given colours', () => {
    const { pixels } = show(raster([1, 2], { palette: PALETTE }), { colormap: { '2': [1, 2, 3] } });
    expect(pixels).toEqual([CLEAR, [1, 2, 3, 255]]);
  });
});

describe('given colours', () => {
  const colormap = { '-5': [1, 2, 3], '70000': [4, 5, 6, 7], '2': [255, 0, 0] };

  test.each<[Dtype, readonly number[], number[][]]>([
    ['uint8', [2, 3], [[255, 0, 0, 255], CLEAR]],
    ['uint16', [2, 3], [[255, 0, 0, 255], CLEAR]],
    [
      'int16',
      [2, -5],
      [
        [255, 0, 0, 255],
        [1, 2, 3, 255],
      ],
    ],
    ['int32', [70_000, 70_001], [[4, 5, 6, 7], CLEAR]],
    ['float32', [-5, 2.5], [[1, 2, 3, 255], CLEAR]],
    ['float64', [2, NaN], [[255, 0, 0, 255], CLEAR]],
  ])('are for the values of %s that are exactly so', (dtype, values, expected) => {
    const { pixels, indexed } = show(raster(values, { dtype }), { colormap });
    expect(pixels).toEqual(expected);
    expect(indexed).toBe(true);
  });

  test('are for the values after rescale', () => {
    const { pixels } = show(raster([0, 0.5, 1], { dtype: 'float32' }), {
      rescale: [[0, 1]],
      colormap: { '0': [0, 0, 9], '128': [0, 9, 0], '255': [9, 0, 0] },
    });
    expect(pixels).toEqual([
      [0, 0, 9, 255],
      [0, 9, 0, 255],
      [9, 0, 0, 255],
    ]);
  });

  test('that are all transparent leave nothing to see', () => {
    expect(show(raster([1, 2]), { colormap: { '1': [1, 1, 1, 0] } }).pixels).toEqual([CLEAR, CLEAR]);
  });

  test('are for one band', () => {
    const three = { ...raster([1]), bands: [1, 2, 3].map((value) => Uint8Array.of(value)) };
    expect(() => createStyle({ rescale: null, colormap })(three)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringMatching(/colormap to 3 bands.*bidx/) }),
    );
  });
});

test('pixels that come in fours and others are coloured alike', () => {
  const colours = Array.from({ length: 6 }, (_, n): PaletteColour => [n, 40 * n, 255 - n, n === 5 ? 0 : 255]);
  const run = fc.tuple(
    fc.integer({ min: 0, max: 6 }),
    fc.constantFrom(0, 255, 255, 90),
    fc.integer({ min: 1, max: 9 }),
  );
  fc.assert(
    fc.property(fc.array(run, { minLength: 1, maxLength: 12 }), fc.integer({ min: 0, max: 1 }), (runs, kinds) => {
      const values = runs.flatMap(([value, , length]) => Array<number>(length).fill(kinds === 0 ? value % 5 : value));
      const alphas = runs.flatMap(([, alpha, length]) =>
        Array<number>(length).fill(kinds === 0 && alpha === 90 ? 0 : alpha),
      );
      while (values.length % 4 !== 0) {
        values.push(values.at(-1)!);
        alphas.push(alphas.at(-1)!);
      }
      const inFours = show(raster(values, { palette: colours, mask: alphas }), {});
      const others = show(raster([...values, 0], { palette: colours, mask: [...alphas, 0] }), {});
      expect(inFours).toEqual({ ...others, pixels: others.pixels.slice(0, -1) });
    }),
  );
});
