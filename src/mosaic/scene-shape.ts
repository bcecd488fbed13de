import { createSamples } from '../raster/raster.ts';
import type { Dtype, PaletteColour, Raster, Samples } from '../raster/raster.ts';

/** What the pixels of a scene, or of a mosaic of several, are made of. */
export interface SceneShape {
  readonly bandCount: number;
  readonly dtype: Dtype;
  /** The one band holds indices into a palette: numbers of which neither a mean nor a grey makes sense. */
  readonly isPaletted: boolean;
  /** The colours of the values of the first band, from the file that it is in; null or absent without a palette. */
  readonly colormap?: readonly PaletteColour[] | null;
}

const INTEGER_BITS: Readonly<Record<string, number>> = {
  int8: 8,
  int16: 16,
  int32: 32,
  uint8: 8,
  uint16: 16,
  uint32: 32,
};

/**
 * The least shape that holds the pixels of both without loss; null = there is none. Grey and RGB give RGB, grey being
 * three times the same; two dtypes give the one that holds the values of both, as in numpy. Indices into a palette are
 * never widened.
 */
export function joinShapes(a: SceneShape, b: SceneShape): SceneShape | null {
  const isPaletted = a.isPaletted || b.isPaletted;
  if (a.bandCount === b.bandCount && a.dtype === b.dtype) return { ...a, isPaletted };
  if (isPaletted) return null;
  const counts = [a.bandCount, b.bandCount];
  const isGreyAndRgb = counts.includes(1) && counts.includes(3);
  if (a.bandCount !== b.bandCount && !isGreyAndRgb) return null;
  return { bandCount: Math.max(...counts), dtype: joinDtypes(a.dtype, b.dtype), isPaletted };
}

/** The least dtype that holds all values of both; float64 where numpy has a 64-bit integer, which holds 32 bits exactly too. */
export function joinDtypes(a: Dtype, b: Dtype): Dtype {
  if (a === b) return a;
  const [aBits, bBits] = [INTEGER_BITS[a], INTEGER_BITS[b]];
  if (aBits === undefined || bBits === undefined) {
    // A float: float32 holds the integers of up to 16 bits.
    const isExact = [a, b].every((dtype) => dtype === 'float32' || (INTEGER_BITS[dtype] ?? 64) <= 16);
    return isExact ? 'float32' : 'float64';
  }
  const aSigned = a.startsWith('int');
  if (aSigned === b.startsWith('int')) return aBits > bBits ? a : b;
  const [signedBits, unsignedBits] = aSigned ? [aBits, bBits] : [bBits, aBits];
  const bits = Math.max(signedBits, unsignedBits * 2);
  if (bits === 16) return 'int16';
  return bits === 32 ? 'int32' : 'float64';
}

/** A raster with the bands and dtype of a shape that `joinShapes` gave for it and others. May share what it was given. */
export function toShape(raster: Raster, { bandCount, dtype }: SceneShape): Raster {
  if (raster.dtype === dtype && raster.bands.length === bandCount) return raster;
  const converted = raster.dtype === dtype ? raster.bands : raster.bands.map((band) => convert(band, dtype));
  const [grey] = converted;
  const bands = grey === undefined || converted.length === bandCount ? converted : repeat(grey, bandCount);
  return { ...raster, dtype, bands };
}

function repeat(band: Samples, count: number): readonly Samples[] {
  return Array.from({ length: count }, () => band);
}

function convert(band: Samples, dtype: Dtype): Samples {
  const converted = createSamples(dtype, band.length);
  converted.set(band);
  return converted;
}
