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

/** Red, green, blue and alpha, 0 to 255 each. */
export type PaletteColour = readonly [red: number, green: number, blue: number, alpha: number];

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
  /** The colours of the values of the one band, from 0 on, where they are to be shown in them; else null or absent. */
  readonly palette?: readonly PaletteColour[] | null;
}

/** A rectangle in pixels: columns `col … col + width - 1`, rows `row … row + height - 1`. */
export interface Window {
  readonly col: number;
  readonly row: number;
  readonly width: number;
  readonly height: number;
}

const SAMPLES_BY_DTYPE = {
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  float64: Float64Array,
} as const satisfies Record<Dtype, new (length: number) => Samples>;

const VIEWS: Readonly<Record<Dtype, new (buffer: ArrayBufferLike, offset: number, length: number) => Samples>> =
  SAMPLES_BY_DTYPE;

/** Memory seen as `length` samples of a type, from byte `offset` on; nothing is copied. */
export function viewSamples(dtype: Dtype, buffer: ArrayBufferLike, offset: number, length: number): Samples {
  return new VIEWS[dtype](buffer, offset, length);
}

/** Room for `length` samples of a type, all 0. */
export function createSamples(dtype: Dtype, length: number): Samples {
  return new SAMPLES_BY_DTYPE[dtype](length);
}

/** Bytes of one sample. */
export function bytesPerSample(dtype: Dtype): number {
  return SAMPLES_BY_DTYPE[dtype].BYTES_PER_ELEMENT;
}

/** True for the dtypes whose values are rounded and clamped after resampling. */
export function isIntegerDtype(dtype: Dtype): boolean {
  return dtype !== 'float32' && dtype !== 'float64';
}

/** A raster of `bandCount` bands in which every pixel is 0 and masked (mask 0). */
export function createRaster(width: number, height: number, dtype: Dtype, bandCount: number): Raster {
  const length = width * height;
  const bands = Array.from({ length: bandCount }, () => createSamples(dtype, length));
  return { width, height, dtype, bands, mask: new Uint8Array(length) };
}
