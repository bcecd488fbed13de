import type { Window } from '../raster/raster.ts';
import type { ImageLayout } from './image-layout.ts';

/**
 * Makes sure that a window lies in an image, on whole pixels.
 *
 * @throws RangeError a mistake of the caller
 */
export function checkWindow(image: ImageLayout, window: Window, label: string): void {
  const { col, row, width, height } = window;
  const isInside =
    col >= 0 && row >= 0 && width >= 1 && height >= 1 && col + width <= image.width && row + height <= image.height;
  if (isInside && [col, row, width, height].every(Number.isInteger)) return;
  const found = `${width} x ${height} pixels at ${col}, ${row}`;
  throw new RangeError(`reading ${found} of ${label}: the level has ${image.width} x ${image.height} pixels`);
}
