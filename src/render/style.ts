import { TilerError } from '../errors.ts';
import type { PaletteUse } from '../mosaic/palette.ts';
import { clearMasked } from '../raster/mask.ts';
import type { PaletteColour, Raster, Samples } from '../raster/raster.ts';
import { colormapOfPalette, createColouring, parseColormap } from './colormap.ts';
import type { ColourRaster } from './colormap.ts';
import type { IndexedPicture } from './encode/check-picture.ts';
import type { RenderOptions } from './tile-renderer.ts';

/** How values become colours. The fields are those of the tileset request. */
export type RenderStyle = Pick<RenderOptions, 'rescale' | 'bitDepth' | 'colormap'>;

type Range = readonly [from: number, to: number];
type PictureSamples = Uint8Array | Uint16Array;

/**
 * Turns the values of a mosaic into the picture that an encoder takes: 1 band is grey, 3 are RGB, and values with a
 * colormap, given or their own, are a picture by index or RGB.
 *
 * `rescale` maps `from..to` linearly to 0..255, or to 0..65535 with a bit depth of 16: values outside are clipped, the
 * arithmetic is in float64 and the result is rounded half up (`floor(v + 0.5)`). rio-tiler truncates instead, so that
 * there only the very largest value gives 255; rounding keeps the error at half a step. With `from > to` the picture is
 * inverted. Without `rescale`, uint8 is taken as it is, and uint16 with a bit depth of 16. A given colormap is for the
 * values after that, as in titiler.
 *
 * The mask is kept: a valid value that maps to 0 stays valid; only a value without a colour in the colormap does not.
 * Samples under mask 0 become 0, so that what a source holds where it has no data never changes a byte of a tile. The
 * raster given is not changed, but may be given back.
 *
 * @throws TilerError `REQUEST_INVALID` if the number of bands is not 1 or 3, or not 1 for a given colormap; if `rescale`
 * has neither one pair nor one for each band; or if it is missing and the values are not of the samples of the picture
 */
export type StyleRaster = (raster: Raster) => Raster | IndexedPicture;

/** Makes the function that applies a style. It keeps the tables it computes, up to 128 KiB for each range of values. */
export function createStyle(style: RenderStyle): StyleRaster {
  const tables = new Map<string, PictureSamples>();
  const given = typeof style.colormap === 'object' && style.colormap !== null ? parseColormap(style.colormap) : null;
  const colourGiven = given === null ? null : createColouring(given);
  const colourings = new WeakMap<readonly PaletteColour[], ColourRaster>();
  return (raster) => {
    if (colourGiven !== null) {
      checkOneBand(raster.bands.length);
      return colourGiven(style.rescale === null ? raster : styleBands(raster, style, tables));
    }
    const { palette = null } = raster;
    if (palette === null || paletteUseOf(style) !== 'colours') return styleBands(raster, style, tables);
    const known = colourings.get(palette) ?? createColouring(colormapOfPalette(palette));
    colourings.set(palette, known);
    return known(raster);
  };
}

/** What the values of files with a palette are in a style: numbers where they are rescaled or shown as grey. */
export function paletteUseOf({ rescale, bitDepth, colormap }: RenderStyle): PaletteUse {
  if (rescale !== null || bitDepth === 16 || colormap === 'none') return 'numbers';
  return typeof colormap === 'object' && colormap !== null ? 'classes' : 'colours';
}

function styleBands(raster: Raster, style: RenderStyle, tables: Map<string, PictureSamples>): Raster {
  checkBandCount(raster.bands.length);
  const dtype = style.bitDepth === 16 ? 'uint16' : 'uint8';
  const isMasked = hasMasked(raster.mask);
  const bands = raster.bands.map((band, b) => {
    const range = rangeOfBand(raster, style, b);
    if (range !== null) return rescaleBand(band, range, dtype, tables);
    return isMasked ? band.slice() : band;
  });
  if (isMasked) clearMasked(bands, raster.mask);
  return { width: raster.width, height: raster.height, dtype, bands, mask: raster.mask };
}

function checkBandCount(bandCount: number): void {
  if (bandCount === 1 || bandCount === 3) return;
  throw new TilerError(
    'REQUEST_INVALID',
    `Making a picture of ${bandCount} bands: expected 1 (grey) or 3 (red, green, blue). ` +
      `Choose them with bidx, for example "bidx": ${bandCount > 3 ? '[1, 2, 3]' : '[1]'}, or with assets`,
  );
}

function checkOneBand(bandCount: number): void {
  if (bandCount === 1) return;
  throw new TilerError(
    'REQUEST_INVALID',
    `Applying a colormap to ${bandCount} bands: expected 1. Choose it with bidx, for example "bidx": [1], or with assets`,
  );
}

function rangeOfBand(raster: Raster, { rescale, bitDepth = 8 }: RenderStyle, b: number): Range | null {
  if (rescale === null) {
    const expected = bitDepth === 16 ? 'uint16' : 'uint8';
    if (raster.dtype === expected) return null;
    throw new TilerError(
      'REQUEST_INVALID',
      `Making a picture of ${bitDepth} bits of ${raster.dtype} values without rescale: only ${expected} is one already. ` +
        'Give the range to show, for example "rescale": [[0, 3000]]' +
        (bitDepth === 8 && raster.dtype === 'uint16' ? ', or "bitDepth": 16 for the values as they are' : ''),
    );
  }
  const range = rescale.length === 1 ? rescale[0] : rescale.length === raster.bands.length ? rescale[b] : undefined;
  if (range !== undefined && range[0] !== range[1] && range.every(Number.isFinite)) return range;
  throw new TilerError(
    'REQUEST_INVALID',
    `Rescaling ${raster.bands.length} bands by rescale ${JSON.stringify(rescale)}: ` +
      'expected one [from, to] pair, or one for each band, of two different numbers',
  );
}

/** 8- and 16-bit values go through a table of the formula's own results: the same bytes without the arithmetic. */
function rescaleBand(
  band: Samples,
  [from, to]: Range,
  dtype: 'uint8' | 'uint16',
  tables: Map<string, PictureSamples>,
): PictureSamples {
  const greatest = dtype === 'uint8' ? 255 : 65_535;
  const rescale = (value: number): number => {
    const position = (value - from) / (to - from);
    return Math.floor(Math.min(Math.max(position, 0), 1) * greatest + 0.5);
  };
  const scaled = createPictureSamples(dtype, band.length);
  if (band instanceof Uint8Array || band instanceof Uint16Array) {
    const length = band instanceof Uint8Array ? 256 : 65_536;
    const key = [length, from, to].join(':');
    const table = tables.get(key) ?? createPictureSamples(dtype, length).map((_, value) => rescale(value));
    tables.set(key, table);
    for (let i = 0; i < band.length; i++) scaled[i] = table[band[i]!]!;
  } else {
    for (let i = 0; i < band.length; i++) scaled[i] = rescale(band[i]!);
  }
  return scaled;
}

function createPictureSamples(dtype: 'uint8' | 'uint16', length: number): PictureSamples {
  return dtype === 'uint8' ? new Uint8Array(length) : new Uint16Array(length);
}

/** Found by the C library, ten times as fast as by the method of typed arrays. */
function hasMasked({ buffer, byteOffset, byteLength }: Uint8Array): boolean {
  return Buffer.from(buffer, byteOffset, byteLength).includes(0);
}
