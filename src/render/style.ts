import { TilerError } from '../errors.ts';
import type { Raster, Samples } from '../raster/raster.ts';
import type { RenderOptions } from './tile-renderer.ts';

/** How values become colours. The field is that of the tileset request. */
export type RenderStyle = Pick<RenderOptions, 'rescale'>;

type Range = readonly [from: number, to: number];

/**
 * Turns the values of a mosaic into the 8-bit picture that an encoder takes: 1 band is grey, 3 are RGB.
 *
 * `rescale` maps `from..to` linearly to 0..255: values outside are clipped, the arithmetic is in float64 and the result
 * is rounded half up (`floor(v + 0.5)`). rio-tiler truncates instead, so that there only the very largest value gives
 * 255; rounding keeps the error at half a step. With `from > to` the picture is inverted. Without `rescale`, uint8 is
 * taken as it is.
 *
 * The mask is kept: a valid value that maps to 0 stays valid. Samples under mask 0 become 0, so that what a source holds
 * where it has no data never changes a byte of a tile. The raster given is not changed, but may be given back.
 *
 * @throws TilerError `REQUEST_INVALID` if the number of bands is not 1 or 3, if `rescale` has neither one pair nor one
 * for each band, or if it is missing and the values are not uint8
 */
export type StyleRaster = (raster: Raster) => Raster;

/** Makes the function that applies a style. It keeps the tables it computes, up to 64 KiB for each range of values. */
export function createStyle(style: RenderStyle): StyleRaster {
  const tables = new Map<string, Uint8Array>();
  return (raster) => {
    checkBandCount(raster.bands.length);
    const bands = raster.bands.map((band, b) => {
      const range = rangeOfBand(raster, style, b);
      if (range === null) return clearMasked(band, raster.mask);
      return rescaleBand(band, raster.mask, range, tables);
    });
    return { width: raster.width, height: raster.height, dtype: 'uint8', bands, mask: raster.mask };
  };
}

function checkBandCount(bandCount: number): void {
  if (bandCount === 1 || bandCount === 3) return;
  throw new TilerError(
    'REQUEST_INVALID',
    `Making a picture of ${bandCount} bands: expected 1 (grey) or 3 (red, green, blue). ` +
      `Choose them with bidx, for example "bidx": ${bandCount > 3 ? '[1, 2, 3]' : '[1]'}, or with assets`,
  );
}

function rangeOfBand(raster: Raster, { rescale }: RenderStyle, b: number): Range | null {
  if (rescale === null) {
    if (raster.dtype === 'uint8') return null;
    throw new TilerError(
      'REQUEST_INVALID',
      `Making a picture of ${raster.dtype} values without rescale: only uint8 is a picture already. ` +
        'Give the range to show, for example "rescale": [[0, 3000]]',
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

function rescaleValue(value: number, [from, to]: Range): number {
  const position = (value - from) / (to - from);
  return Math.floor(Math.min(Math.max(position, 0), 1) * 255 + 0.5);
}

/** 8- and 16-bit values go through a table of the formula's own results: the same bytes without the arithmetic. */
function rescaleBand(band: Samples, mask: Uint8Array, range: Range, tables: Map<string, Uint8Array>): Uint8Array {
  const scaled = new Uint8Array(band.length);
  if (band instanceof Uint8Array || band instanceof Uint16Array) {
    const table = tableOf(range, band instanceof Uint8Array ? 256 : 65_536, tables);
    for (let i = 0; i < band.length; i++) if (mask[i]! !== 0) scaled[i] = table[band[i]!]!;
  } else {
    for (let i = 0; i < band.length; i++) if (mask[i]! !== 0) scaled[i] = rescaleValue(band[i]!, range);
  }
  return scaled;
}

function tableOf(range: Range, length: number, tables: Map<string, Uint8Array>): Uint8Array {
  const key = `${length}:${range.join(':')}`;
  const known = tables.get(key);
  if (known !== undefined) return known;
  const table = Uint8Array.from({ length }, (_, value) => rescaleValue(value, range));
  tables.set(key, table);
  return table;
}

function clearMasked(band: Samples, mask: Uint8Array): Samples {
  if (!mask.includes(0)) return band;
  const cleared = new Uint8Array(band.length);
  for (let i = 0; i < band.length; i++) if (mask[i]! !== 0) cleared[i] = band[i]!;
  return cleared;
}
