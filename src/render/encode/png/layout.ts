import type { Picture } from '../check-picture.ts';
import { bitsOfIndex, findPalette, isEven, packIndices } from './palette.ts';
import type { Palette } from './palette.ts';

/** Colour types of PNG (ISO 15948, 11.2.2). */
const GREY = 0;
const RGB = 2;
const INDEXED = 3;
const GREY_ALPHA = 4;
const RGB_ALPHA = 6;

/** How the pixels of a picture lie in the file, before filtering. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly colourType: number;
  readonly bitDepth: number;
  /** The bytes of all rows, band by band; a packed byte counts as one pixel of one band. */
  readonly planes: readonly Uint8Array[];
  /** Bytes of one row of one plane. */
  readonly planeWidth: number;
  readonly palette: Palette | null;
}

/** Grey, RGB, or either with alpha where a pixel is not opaque: one byte a band. */
export function directLayout({ width, height, bands, mask }: Picture, isOpaque: boolean): Layout {
  return {
    width,
    height,
    colourType: bands.length === 1 ? (isOpaque ? GREY : GREY_ALPHA) : isOpaque ? RGB : RGB_ALPHA,
    bitDepth: 8,
    planes: isOpaque ? bands : [...bands, mask],
    planeWidth: width,
    palette: null,
  };
}

/**
 * A palette and indices of 1 to 8 bits.
 *
 * @returns null where the picture has too many colours: more than 256, or, if grey values alone need no more than a byte
 *   a pixel anyway, more than 16
 */
export function paletteLayout(raster: Picture, isOpaque: boolean): Layout | null {
  const { width, height, bands } = raster;
  const palette = findPalette(raster, bands.length === 1 && isOpaque ? 16 : 256);
  if (palette === null) return null;
  const bits = bitsOfIndex(palette.colours.length);
  return {
    width,
    height,
    colourType: INDEXED,
    bitDepth: bits,
    planes: [bits === 8 ? palette.indices : packIndices(palette.indices, width, bits)],
    planeWidth: Math.ceil((width * bits) / 8),
    palette,
  };
}

/** True if no pixel lets anything shine through. */
export function isOpaque(mask: Uint8Array): boolean {
  return mask[0] === 255 && isEven(mask);
}
