import type { CogLevel } from './cog.ts';

/** GDAL takes an overview whose ratio is this little above the target's, so that 1.99 counts as 2. */
const RATIO_TOLERANCE = 0.1;

/**
 * The level that gdalwarp 3.13 (`-ovr AUTO`) reads: the coarsest one whose ratio (full width divided by its own width,
 * not exactly a power of two) does not exceed the target ratio by more than 0.1.
 *
 * @param targetRatio - full-size source pixels per destination pixel, along the axis where they are fewer
 * @returns an index of `levels`; 0 = full size
 */
export function selectOverview(levels: readonly CogLevel[], targetRatio: number): number {
  const fullWidth = levels[0]!.width;
  let selected = 0;
  for (let i = 1; i < levels.length; i++) {
    if (targetRatio > fullWidth / levels[i]!.width - RATIO_TOLERANCE) selected = i;
  }
  return selected;
}
