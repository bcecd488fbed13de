/**
 * `[a, b, c, d, e, f]`, pixel (col, row) to CRS (x, y): `x = a·col + b·row + c`, `y = d·col + e·row + f`. The order of
 * rasterio and of STAC `proj:transform`, not GDAL's. Integer (col, row) are pixel corners (PixelIsArea).
 */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];
