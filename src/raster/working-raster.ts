import { createRaster, createSamples, type Dtype, type Raster, type Samples } from './raster.ts';

/** Least and greatest value of a band's samples; rounding is for integers. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
  readonly round: boolean;
}

const FLOAT: ValueRange = { min: -Infinity, max: Infinity, round: false };

const RANGES: Readonly<Record<Dtype, ValueRange>> = {
  uint8: { min: 0, max: 255, round: true },
  int8: { min: -128, max: 127, round: true },
  uint16: { min: 0, max: 65_535, round: true },
  int16: { min: -32_768, max: 32_767, round: true },
  uint32: { min: 0, max: 4_294_967_295, round: true },
  int32: { min: -2_147_483_648, max: 2_147_483_647, round: true },
  float32: FLOAT,
  float64: FLOAT,
};

/** The values that samples of a type can have. */
export function rangeOf(dtype: Dtype): ValueRange {
  return RANGES[dtype];
}

/** A resampled value as a sample: rounded half up and clamped for integers, as it is for floats. */
export function toSample(value: number, range: ValueRange): number {
  return range.round ? Math.min(Math.max(Math.floor(value + 0.5), range.min), range.max) : value;
}

/**
 * The sample types that kernels see, each of which holds every value of those that it stands for. There are four because
 * V8 compiles a loop for up to four types of array and makes it ten times slower when it meets a fifth, and one process
 * may render any of the eight. Converting a whole window takes a hundredth of the time that resampling it does.
 */
const WORKING_DTYPE: Readonly<Record<Dtype, Dtype>> = {
  uint8: 'uint8',
  int8: 'float32',
  uint16: 'uint16',
  int16: 'float32',
  uint32: 'float64',
  int32: 'float64',
  float32: 'float32',
  float64: 'float64',
};

/** The same raster in the type that kernels work on; shares what need not be converted. */
export function toWorking(raster: Raster): Raster {
  return converted(raster, WORKING_DTYPE[raster.dtype]);
}

/** A raster of kernels' results in the type that its values were rounded and clamped for. */
export function fromWorking(raster: Raster, dtype: Dtype): Raster {
  return converted(raster, dtype);
}

/** An empty raster in the type that kernels work on. */
export function createWorking(width: number, height: number, dtype: Dtype, bandCount: number): Raster {
  return createRaster(width, height, WORKING_DTYPE[dtype], bandCount);
}

function converted(raster: Raster, dtype: Dtype): Raster {
  if (raster.dtype === dtype) return raster;
  const bands = raster.bands.map((band) => {
    const samples = createSamples(dtype, band.length);
    samples.set(band);
    return samples;
  });
  return { ...raster, dtype, bands };
}

/** The same bytes as whole numbers of their size, for loops that only copy: again four types instead of eight. */
export function asBits(samples: Samples): Samples {
  const { buffer, byteOffset, length } = samples;
  if (samples instanceof Int8Array) return new Uint8Array(buffer, byteOffset, length);
  if (samples instanceof Int16Array) return new Uint16Array(buffer, byteOffset, length);
  if (samples instanceof Int32Array || samples instanceof Float32Array)
    return new Uint32Array(buffer, byteOffset, length);
  return samples;
}
