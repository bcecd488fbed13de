import { TilerError } from '../errors.ts';
import type { Window } from '../raster/raster.ts';
import type { ReadWindow } from './cog.ts';
import type { ImageLayout } from './image-layout.ts';
import type { CogLimits } from './limits.ts';

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

/** True if a window, with its mask, has no more samples than are allowed. */
export function isWithin({ window, bands }: ReadWindow, { maxWindowSamples }: CogLimits): boolean {
  return window.width * window.height * (bands.length + 1) <= maxWindowSamples;
}

/**
 * Makes sure that a window has no more samples than are allowed.
 *
 * @throws TilerError `PIXELS_LIMIT`
 */
export function checkSize(request: ReadWindow, limits: CogLimits, label: string): void {
  if (isWithin(request, limits)) return;
  const { window, bands } = request;
  const what = `${window.width} x ${window.height} pixels in ${bands.length} bands`;
  throw new TilerError('PIXELS_LIMIT', `Reading ${what} of ${label}: allowed are ${limits.maxWindowSamples} samples`, {
    context: { href: label },
  });
}
