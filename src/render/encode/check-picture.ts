import type { Raster } from '../../raster/raster.ts';

/** A raster that is a picture: 1 band (grey) or 3 (RGB) of uint8. */
export interface Picture extends Raster {
  readonly bands: readonly Uint8Array[];
}

/** Gives the raster as a picture; anything else here is a fault of the caller. */
export function checkPicture(raster: Raster): Picture {
  const { bands, dtype } = raster;
  if (dtype !== 'uint8' || (bands.length !== 1 && bands.length !== 3)) {
    throw new RangeError(`Encoding ${bands.length} bands of ${dtype}: expected 1 or 3 of uint8`);
  }
  return raster as Picture;
}
