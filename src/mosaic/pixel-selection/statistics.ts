import { createSamples, isIntegerDtype } from '../../raster/raster.ts';
import type { Dtype, Raster } from '../../raster/raster.ts';
import type { MosaicShape, PixelSelection } from '../pixel-selection.ts';
import { EverySceneSelection } from './every-scene.ts';

/**
 * The mean of all valid pixels, band by band, in the dtype of the scenes: integers are rounded half up
 * (`floor(mean + 0.5)`), where rio-tiler truncates, so that its mean of 1 and 2 is 1.
 *
 * Integers are summed exactly, so the order of the scenes changes nothing; floats are summed in float64. Holds one sum
 * for each band (4 bytes for dtypes of up to 16 bits, else 8) and one count. NaN in a valid pixel makes its mean NaN.
 */
export function createMean(shape: MosaicShape): PixelSelection {
  return new Mean(shape);
}

/**
 * The population standard deviation of all valid pixels, band by band, float64: 0 for a pixel that one scene has. By
 * Welford's method, which does not lose digits where the spread is small against the values; the order of the scenes
 * changes no more than the last bits. Holds 16 bytes for each band, and one count.
 *
 * @see Welford 1962, "Note on a Method for Calculating Corrected Sums of Squares and Products"
 */
export function createStdev(shape: MosaicShape): PixelSelection {
  return new Stdev(shape);
}

/** The sum of all valid pixels, band by band, float64: exact for integers, where rio-tiler's wraps at the dtype's end. */
export function createSum(shape: MosaicShape): PixelSelection {
  return new Sum(shape);
}

/**
 * How many scenes have a valid pixel: one band of uint16, whatever the bands of the scenes. Where none has, the mosaic
 * is not valid; rio-tiler gives a valid 0 there.
 */
export function createCount(shape: MosaicShape): PixelSelection {
  return new Count(shape);
}

/** Dtype in which up to 65,535 values of another add up exactly, floats apart. */
export function sumDtype(dtype: Dtype): Dtype {
  if (dtype === 'uint8' || dtype === 'uint16') return 'uint32';
  return dtype === 'int8' || dtype === 'int16' ? 'int32' : 'float64';
}

class Count extends EverySceneSelection {
  protected readonly counts: Uint16Array;

  constructor(shape: MosaicShape) {
    super(shape);
    this.counts = new Uint16Array(this.mask.length);
  }

  protected takeSpan(_raster: Raster, _from: number, to: number, length: number): boolean {
    const { counts } = this;
    for (let j = to; j < to + length; j++) counts[j]!++;
    return true;
  }

  protected finish(): Raster {
    const { width, height } = this.shape;
    return { width, height, dtype: 'uint16', bands: [this.counts], mask: this.mask };
  }
}

class Mean extends Count {
  private readonly sums = this.createBands(sumDtype(this.shape.dtype));

  protected override takeSpan(raster: Raster, from: number, to: number, length: number): boolean {
    addSpan(this.sums, raster, from, to, length);
    return super.takeSpan(raster, from, to, length);
  }

  protected override finish(): Raster {
    const { width, height, dtype } = this.shape;
    const { counts, mask } = this;
    const isInteger = isIntegerDtype(dtype);
    const bands = this.sums.map((sums) => {
      const band = createSamples(dtype, mask.length);
      for (let j = 0; j < band.length; j++) {
        if (counts[j] === 0) continue;
        const mean = sums[j]! / counts[j]!;
        band[j] = isInteger ? Math.floor(mean + 0.5) : mean;
      }
      return band;
    });
    return { width, height, dtype, bands, mask };
  }
}

class Stdev extends Count {
  private readonly means = this.createBands('float64');
  /** Sums of the squared distances from the mean. */
  private readonly squares = this.createBands('float64');

  protected override takeSpan(raster: Raster, from: number, to: number, length: number): boolean {
    const { counts } = this;
    super.takeSpan(raster, from, to, length);
    for (let b = 0; b < raster.bands.length; b++) {
      const [source, means, squares] = [raster.bands[b]!, this.means[b]!, this.squares[b]!];
      for (let i = from, j = to; i < from + length; i++, j++) {
        const value = source[i]!;
        const before = means[j]!;
        const mean = before + (value - before) / counts[j]!;
        means[j] = mean;
        squares[j]! += (value - before) * (value - mean);
      }
    }
    return true;
  }

  protected override finish(): Raster {
    const { width, height } = this.shape;
    const { counts, mask } = this;
    const bands = this.squares.map((squares) => {
      const band = new Float64Array(mask.length);
      for (let j = 0; j < band.length; j++) if (counts[j]! > 0) band[j] = Math.sqrt(squares[j]! / counts[j]!);
      return band;
    });
    return { width, height, dtype: 'float64', bands, mask };
  }
}

class Sum extends EverySceneSelection {
  private readonly sums = this.createBands('float64');

  protected takeSpan(raster: Raster, from: number, to: number, length: number): boolean {
    addSpan(this.sums, raster, from, to, length);
    return true;
  }

  protected finish(): Raster {
    const { width, height } = this.shape;
    return { width, height, dtype: 'float64', bands: this.sums, mask: this.mask };
  }
}

function addSpan(sums: Raster['bands'], { bands }: Raster, from: number, to: number, length: number): void {
  for (let b = 0; b < sums.length; b++) {
    const [source, target] = [bands[b]!, sums[b]!];
    for (let i = from, j = to; i < from + length; i++, j++) target[j]! += source[i]!;
  }
}
