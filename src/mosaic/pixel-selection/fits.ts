import type { Raster } from '../../raster/raster.ts';
import type { MosaicShape } from '../pixel-selection.ts';

/** Refuses a raster that is of other bands than the mosaic or reaches beyond it: a fault of the caller. */
export function assertFits(
  { width, height, dtype, bandCount }: MosaicShape,
  raster: Raster,
  at: { readonly col: number; readonly row: number },
): void {
  const inside = at.col >= 0 && at.row >= 0 && at.col + raster.width <= width && at.row + raster.height <= height;
  if (inside && raster.dtype === dtype && raster.bands.length === bandCount) return;
  throw new RangeError(
    `Feeding ${raster.bands.length} bands of ${raster.dtype}, ${raster.width}x${raster.height} at ${at.col},${at.row}, ` +
      `to a mosaic of ${bandCount} bands of ${dtype}, ${width}x${height}`,
  );
}
