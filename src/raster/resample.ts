/** How values between source pixels are made. */
export type Resampling = 'nearest' | 'bilinear' | 'cubic' | 'average';

/** Half the width of a kernel at full size, in source pixels. */
const RADIUS = { bilinear: 1, cubic: 2 } as const;

/**
 * Destination pixels per source pixel along the source's columns and rows: below 1 when reducing. It decides how far a
 * kernel reaches, not where it lies.
 */
export interface ResampleScale {
  readonly x: number;
  readonly y: number;
}

/** Above this scale the plain kernel of 2 × 2 (bilinear) or 4 × 4 (cubic) source pixels is used, as GDAL ≥ 3.13 does. */
const PLAIN_KERNEL_SCALE = 0.5;

/** True if the kernel must be widened so that no source pixel is skipped. */
export function isWidened(resampling: Resampling, scale: ResampleScale): boolean {
  if (resampling !== 'bilinear' && resampling !== 'cubic') return false;
  return scale.x <= PLAIN_KERNEL_SCALE || scale.y <= PLAIN_KERNEL_SCALE;
}

/** The source pixels that a kernel reads along one axis, counted from the one at or left of a position less a half. */
export interface KernelReach {
  readonly before: number;
  readonly after: number;
}

/** Which source pixels the values at a position depend on, along one axis. */
export function kernelReach(resampling: 'bilinear' | 'cubic', scale: number, widened: boolean): KernelReach {
  const radius = RADIUS[resampling];
  if (!widened) return { before: radius - 1, after: radius };
  const reach = Math.ceil(radius / Math.min(1, scale));
  return { before: reach, after: reach };
}

/** The weight of a source pixel at a distance of `x` kernel units: a triangle, or Keys' cubic with a = -0.5. */
export function kernelWeight(resampling: 'bilinear' | 'cubic', x: number): number {
  const d = Math.abs(x);
  if (resampling === 'bilinear') return d <= 1 ? 1 - d : 0;
  if (d <= 1) return d * d * (1.5 * d - 2.5) + 1;
  return d <= 2 ? d * d * (-0.5 * d + 2.5) - 4 * d + 2 : 0;
}

/** Half the width of the plain kernel, in source pixels. */
export function kernelRadius(resampling: 'bilinear' | 'cubic'): number {
  return RADIUS[resampling];
}
