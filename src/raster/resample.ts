/** How values between source pixels are made: one of them, weighted ones around a position, or those in a box. */
export type Resampling = 'nearest' | ConvolutionKernel | BoxKernel;

/** Kernels that weigh the source pixels around the centre of a destination pixel. */
export type ConvolutionKernel = 'bilinear' | 'cubic' | 'lanczos';

/** Kernels that take all source pixels under a destination pixel. */
export type BoxKernel = 'average' | 'mode' | 'min' | 'max' | 'median';

/** True for the kernels that weigh the source pixels around a position; only they depend on the scale. */
export function isConvolution(resampling: Resampling): resampling is ConvolutionKernel {
  return resampling === 'bilinear' || resampling === 'cubic' || resampling === 'lanczos';
}

/** True for the kernels that take the source pixels under a destination pixel, from edge to edge. */
export function isBox(resampling: Resampling): resampling is BoxKernel {
  return resampling !== 'nearest' && !isConvolution(resampling);
}

/** Half the width of a kernel at full size, in source pixels. */
const RADIUS = { bilinear: 1, cubic: 2, lanczos: 3 } as const satisfies Record<ConvolutionKernel, number>;

/**
 * Destination pixels per source pixel along the source's columns and rows: below 1 when reducing. It decides how far a
 * kernel reaches, not where it lies.
 */
export interface ResampleScale {
  readonly x: number;
  readonly y: number;
  /** Stretch the kernel at any reduction, so that it weighs every source pixel. Default: from a half on. */
  readonly antialias?: boolean;
}

/** Above this scale the plain kernel of 2 × 2 (bilinear) or 4 × 4 (cubic) source pixels is used, as GDAL ≥ 3.13 does. */
const PLAIN_KERNEL_SCALE = 0.5;

/** The same for kernels that are stretched at any reduction, as GDAL before 3.13 did: nearly full size counts as full size. */
const ANTIALIAS_SCALE = 0.95;

/**
 * True if the kernel is stretched to the size of a destination pixel, so that no source pixel is skipped. Lanczos always
 * takes this way, which drops invalid pixels one by one; at full size it is stretched by nothing.
 */
export function isWidened(resampling: Resampling, scale: ResampleScale): boolean {
  if (!isConvolution(resampling)) return false;
  const plainAbove = scale.antialias === true ? ANTIALIAS_SCALE : PLAIN_KERNEL_SCALE;
  return resampling === 'lanczos' || scale.x <= plainAbove || scale.y <= plainAbove;
}

/** The source pixels that a kernel reads along one axis, counted from the one at or left of a position less a half. */
export interface KernelReach {
  readonly before: number;
  readonly after: number;
}

/** Which source pixels the values at a position depend on, along one axis. */
export function kernelReach(resampling: ConvolutionKernel, scale: number, widened: boolean): KernelReach {
  const radius = RADIUS[resampling];
  if (!widened) return { before: radius - 1, after: radius };
  const reach = Math.ceil(radius / Math.min(1, scale));
  return { before: reach, after: reach };
}

/**
 * The source pixels that a kernel stretched by a scale weighs along one axis, `from … to`, counted from the one at or left
 * of a position less a half. The pixel at the far left of an even kernel has weight 0 and is left out, as in GDAL.
 */
export function widenedReach(
  resampling: ConvolutionKernel,
  scale: number,
): { readonly from: number; readonly to: number } {
  const radius = RADIUS[resampling];
  const to = scale < 1 ? Math.ceil(radius / scale) : radius;
  return { from: ((radius + 1) % 2) - to, to };
}

/** The weight of a source pixel at a distance of `x` kernel units: a triangle, Keys' cubic with a = -0.5, or Lanczos' sinc. */
export function kernelWeight(resampling: ConvolutionKernel, x: number): number {
  const d = Math.abs(x);
  if (resampling === 'bilinear') return d <= 1 ? 1 - d : 0;
  if (resampling === 'lanczos') return d < 3 ? sinc(d) * sinc(d / 3) : 0;
  if (d <= 1) return d * d * (1.5 * d - 2.5) + 1;
  return d <= 2 ? d * d * (-0.5 * d + 2.5) - 4 * d + 2 : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}
