/** Sample types that a raster holds. */
export type Samples =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** GDAL's and numpy's names of the sample types. */
export type Dtype = 'uint8' | 'int8' | 'uint16' | 'int16' | 'uint32' | 'int32' | 'float32' | 'float64';

/**
 * Pixels in memory. Every band is `width × height`, row-major, pixel (0, 0) at the top left; all bands have one dtype.
 * `mask` has the same shape: 255 = valid, 0 = no data, between them partial transparency (GDAL's alpha polarity).
 * Samples under mask 0 carry no meaning.
 */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly dtype: Dtype;
  readonly bands: readonly Samples[];
  readonly mask: Uint8Array;
}

/** A rectangle in pixels: columns `col … col + width - 1`, rows `row … row + height - 1`. */
export interface Window {
  readonly col: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
}
