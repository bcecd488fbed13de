import type { PaletteColour, Raster } from '../../raster/raster.ts';

/** A raster that is a picture: 1 band (grey) or 3 (RGB) of uint8. */
export interface Picture extends Raster {
  readonly bands: readonly Uint8Array[];
}

/** A raster that is a picture of 16 bits: 1 band (grey) or 3 (RGB) of uint16. Only PNG holds such. */
export interface DeepPicture extends Raster {
  readonly bands: readonly Uint16Array[];
}

/**
 * A picture by index: every pixel is a place in the palette, which has 1 to 256 colours. `mask` is 255 or 0; an entry
 * that is partly transparent is so by its own alpha.
 */
export interface IndexedPicture {
  readonly width: number;
  readonly height: number;
  /** `width × height`, row-major; each is below the length of the palette. */
  readonly indices: Uint8Array;
  readonly mask: Uint8Array;
  readonly palette: readonly PaletteColour[];
}

/** True for a picture by index. */
export function isIndexed(picture: Raster | IndexedPicture): picture is IndexedPicture {
  return 'indices' in picture;
}

/** Gives the raster as a picture of 8 bits; anything else here is a fault of the caller. */
export function checkPicture(raster: Raster): Picture {
  if (raster.dtype !== 'uint8' || !hasBandsOfPicture(raster)) throw faultOf(raster, 'uint8');
  return raster as Picture;
}

/** Gives the raster as a picture of 8 or 16 bits; anything else here is a fault of the caller. */
export function checkDeepPicture(raster: Raster): Picture | DeepPicture {
  if ((raster.dtype !== 'uint8' && raster.dtype !== 'uint16') || !hasBandsOfPicture(raster)) {
    throw faultOf(raster, 'uint8 or uint16');
  }
  return raster as Picture | DeepPicture;
}

function hasBandsOfPicture({ bands }: Raster): boolean {
  return bands.length === 1 || bands.length === 3;
}

function faultOf({ bands, dtype }: Raster, expected: string): RangeError {
  return new RangeError(`Encoding ${bands.length} bands of ${dtype}: expected 1 or 3 of ${expected}`);
}

/** The pixels of a picture as colours of 8 bits: those of a picture by index are looked up. */
export function toColours(picture: Raster | IndexedPicture): Picture {
  if (!isIndexed(picture)) return checkPicture(picture);
  const { width, height, indices, palette } = picture;
  const bands = [0, 1, 2].map((part) =>
    lookUp(
      indices,
      Uint8Array.from(palette, (colour) => colour[part] ?? 0),
    ),
  );
  const alphas = Uint8Array.from(palette, ([, , , alpha]) => alpha);
  const mask = lookUp(indices, alphas);
  for (let i = 0; i < mask.length; i++) {
    if (picture.mask[i] === 0) mask[i] = 0;
    // What lies under mask 0 must not change a byte.
    if (mask[i] === 0) for (const band of bands) band[i] = 0;
  }
  return { width, height, dtype: 'uint8', bands, mask };
}

function lookUp(indices: Uint8Array, parts: Uint8Array): Uint8Array {
  const found = new Uint8Array(indices.length);
  for (let i = 0; i < indices.length; i++) found[i] = parts[indices[i]!]!;
  return found;
}
