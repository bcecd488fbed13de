import { describe, expect, test } from 'vitest';
import { bandScalesOf, colormapOf } from '../../../src/cog/band-meaning.ts';

describe('the palette of a file', () => {
  const palette = (colormap: readonly number[], nodata: number | null = null, changes = {}) =>
    colormapOf({ colormap, photometric: 3, samples: 1, ...changes }, nodata);

  test.each([
    ['257 for 1, as most write it', [0, 65_535, 257, 514, 2_570, 0]],
    ['256 for 1, as some do', [0, 65_280, 256, 512, 2_560, 0]],
    ['8 bits as they are', [0, 255, 1, 2, 10, 0]],
  ])('%s', (_, colormap) => {
    expect(palette(colormap)).toEqual([
      [0, 1, 10, 255],
      [255, 2, 0, 255],
    ]);
  });

  test('16 bits that are no multiples lose what is below 8 bits', () => {
    expect(palette([65_534, 300, 1])).toEqual([[254, 1, 0, 255]]);
  });

  test('nodata is transparent', () => {
    expect(palette([0, 257, 0, 257, 0, 257], 1)).toEqual([
      [0, 0, 0, 255],
      [1, 1, 1, 0],
    ]);
  });

  test('there is none without the tag, or where the samples are no indices', () => {
    expect(colormapOf({ colormap: null, photometric: 3, samples: 1 }, null)).toBeNull();
    expect(palette([1, 2, 3], null, { photometric: 1 })).toBeNull();
    expect(palette([1, 2, 3], null, { samples: 2 })).toBeNull();
  });
});

describe('scale and offset', () => {
  /** As GDAL 3.13 writes it. */
  const XML = `<GDALMetadata>
  <Item name="OFFSET" sample="0" role="offset">-0.10000000000000001</Item>
  <Item name="SCALE" sample="0" role="scale">0.0001</Item>
  <Item name="DESCRIPTION" sample="1" role="description">a &amp;lt;b&amp;gt;</Item>
  <Item name="SCALE" sample="3" role="scale">2</Item>
  <Item name="SCALE" sample="1" role="scale">none</Item>
</GDALMetadata>`;
  const PLAIN = { scale: 1, offset: 0 };

  test('belong to the samples that they name; what cannot be read counts as not stated', () => {
    expect(bandScalesOf(XML, [0, 1])).toEqual([{ scale: 0.0001, offset: -0.1 }, PLAIN]);
    expect(bandScalesOf(XML, [1, 3])).toEqual([PLAIN, { scale: 2, offset: 0 }]);
    expect(bandScalesOf(null, [0])).toEqual([PLAIN]);
    expect(bandScalesOf('<Item role="scale" sample="0">5', [0])).toEqual([PLAIN]);
  });

  test('a damaged text takes no longer than a good one', () => {
    expect(bandScalesOf('<Item '.repeat(170_000), [0])).toEqual([PLAIN]);
  });
});
