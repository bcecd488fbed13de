/**
 * `[a, b, c, d, e, f]`, pixel (col, row) to CRS (x, y): `x = a·col + b·row + c`, `y = d·col + e·row + f`. The order of
 * rasterio and of STAC `proj:transform`, not GDAL's. Integer (col, row) are pixel corners (PixelIsArea).
 */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** The transform that changes nothing. */
export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** Where a transform puts one point. */
export function apply([a, b, c, d, e, f]: Affine, col: number, row: number): readonly [x: number, y: number] {
  return [a * col + b * row + c, d * col + e * row + f];
}

/** The transform that does `inner` first and `outer` then. */
export function compose(outer: Affine, inner: Affine): Affine {
  const [a, b, c, d, e, f] = outer;
  const [g, h, i, j, k, l] = inner;
  return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
}

/**
 * The transform back, from CRS (x, y) to pixel (col, row); null if there is none because the transform squeezes the
 * plane into a line.
 */
export function invert([a, b, c, d, e, f]: Affine): Affine | null {
  const determinant = a * e - b * d;
  if (determinant === 0 || !Number.isFinite(determinant)) {
    return null;
  }
  const [ia, ib, id, ie] = [e / determinant, -b / determinant, -d / determinant, a / determinant];
  return [ia, ib, -(ia * c + ib * f), id, ie, -(id * c + ie * f)];
}

/** The transform that moves by (x, y). `compose(transform, translate(col, row))` starts a window's grid at its corner. */
export function translate(x: number, y: number): Affine {
  return [1, 0, x, 0, 1, y];
}

/** The transform that stretches by (x, y). `compose(transform, scale(fx, fy))` is an overview of factors fx and fy. */
export function scale(x: number, y: number): Affine {
  return [x, 0, 0, 0, y, 0];
}
