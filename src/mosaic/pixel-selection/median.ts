import { setImmediate as nextTurn } from 'node:timers/promises';
import { TilerError } from '../../errors.ts';
import { bytesPerSample, createRaster, createSamples, isIntegerDtype } from '../../raster/raster.ts';
import type { Raster, Samples } from '../../raster/raster.ts';
import type { MosaicShape, PixelSelection, PixelSelectionOptions } from '../pixel-selection.ts';
import { assertFits } from './fits.ts';

/** Values put in order between two turns of the event loop: some 20 ms. */
const VALUES_PER_TURN = 500_000;

/** So many values are put in order one by one. */
const FEW_VALUES = 24;

/**
 * The median of all valid pixels, band by band, in the dtype of the scenes. Of an even number of values it is the mean of
 * the two in the middle, rounded half up for integers, where rio-tiler truncates. NaN in a valid pixel makes it NaN.
 *
 * A median needs all values at once. What `maxBytes` cannot hold is done in strips: each pass over the scenes keeps the
 * pixels of as many rows as there is room for, so that 1,000 scenes take no more memory than 10, but more passes. The
 * values are the same however many strips there are.
 *
 * @throws TilerError `MOSAIC_TOO_MANY_ASSETS` if there is no room for a single row
 */
export function createMedian(shape: MosaicShape, options: PixelSelectionOptions): PixelSelection {
  return new Median(shape, options);
}

/** Bytes that a median holds: the mosaic, and one strip of every scene. Never more than `maxBytes`. */
export function medianBytes(shape: MosaicShape, options: PixelSelectionOptions): number {
  const { pixelBytes, rows } = stripOf(shape, options);
  return (shape.height + rows * options.maxScenes) * shape.width * pixelBytes;
}

function stripOf(
  { width, height, bandCount, dtype }: MosaicShape,
  { maxScenes, maxBytes }: PixelSelectionOptions,
): { readonly pixelBytes: number; readonly rows: number } {
  const pixelBytes = bandCount * bytesPerSample(dtype) + 1;
  const rowBytes = width * pixelBytes * Math.max(1, maxScenes);
  const rows = Math.min(height, Math.floor((maxBytes - width * height * pixelBytes) / rowBytes));
  if (rows >= 1) return { pixelBytes, rows };
  throw new TilerError(
    'MOSAIC_TOO_MANY_ASSETS',
    `Taking the median of up to ${maxScenes} scenes: one row of ${width} pixels takes ${rowBytes} bytes, ` +
      `and there is room for ${maxBytes} with the whole tile`,
  );
}

/** One scene's part of the present strip, row by row from its top. */
interface Layer {
  readonly bands: readonly Samples[];
  readonly mask: Uint8Array;
}

class Median implements PixelSelection {
  private readonly shape: MosaicShape;
  private readonly output: Raster;
  private readonly rows: number;
  /** First row of the present strip. */
  private top = 0;
  private layers: Layer[] = [];
  /** Of strips that are done, to be filled again: what is let go is not given back before it is asked for anew. */
  private spare: Layer[] = [];
  private isEmpty = true;

  constructor(shape: MosaicShape, options: PixelSelectionOptions) {
    this.shape = shape;
    this.rows = stripOf(shape, options).rows;
    this.output = createRaster(shape.width, shape.height, shape.dtype, shape.bandCount);
  }

  isDone(): boolean {
    return false;
  }

  feed(raster: Raster, at: { readonly col: number; readonly row: number }): boolean {
    assertFits(this.shape, raster, at);
    const first = Math.max(at.row, this.top);
    const end = Math.min(at.row + raster.height, this.top + this.rows);
    const from = (first - at.row) * raster.width;
    const to = (end - at.row) * raster.width;
    if (first >= end || !raster.mask.subarray(from, to).some((alpha) => alpha !== 0)) return false;
    const layer = this.spare.pop() ?? this.createLayer();
    layer.mask.fill(0);
    for (let row = first; row < end; row++) {
      const start = (row - at.row) * raster.width;
      const target = (row - this.top) * this.shape.width + at.col;
      layer.mask.set(raster.mask.subarray(start, start + raster.width), target);
      layer.bands.forEach((band, b) => band.set(raster.bands[b]!.subarray(start, start + raster.width), target));
    }
    this.layers.push(layer);
    return true;
  }

  async nextPass({ signal }: { readonly signal: AbortSignal }): Promise<boolean> {
    const rows = this.stripRows;
    const valuesPerRow = this.shape.width * this.shape.bandCount * (this.layers.length + 1);
    const rowsPerTurn = Math.max(1, Math.floor(VALUES_PER_TURN / valuesPerRow));
    for (let row = 0; row < rows; row += rowsPerTurn) {
      this.finishRows(row, Math.min(rows, row + rowsPerTurn));
      await nextTurn();
      signal.throwIfAborted();
    }
    this.spare = this.spare.concat(this.layers);
    this.layers = [];
    this.top += rows;
    return this.top < this.shape.height;
  }

  result(): Raster | null {
    // Without an end of the pass there may be layers that nobody has gone through.
    if (this.layers.length > 0) this.finishRows(0, this.stripRows);
    return this.isEmpty ? null : this.output;
  }

  private get stripRows(): number {
    return Math.min(this.rows, this.shape.height - this.top);
  }

  private createLayer(): Layer {
    const { width, bandCount, dtype } = this.shape;
    const length = width * this.rows;
    const bands = Array.from({ length: bandCount }, () => createSamples(dtype, length));
    return { bands, mask: new Uint8Array(length) };
  }

  /** Makes the mosaic of rows of the strip, counted from its top. */
  private finishRows(firstRow: number, endRow: number): void {
    const { width, dtype } = this.shape;
    const { layers, output } = this;
    const values = createSamples(dtype, layers.length);
    const valid = new Uint32Array(layers.length);
    const masks = layers.map(({ mask }) => mask);
    const bands = output.bands.map((_, b) => layers.map((layer) => layer.bands[b]!));
    const medianOf = isIntegerDtype(dtype) ? medianOfIntegers : medianOfFloats;
    for (let i = firstRow * width; i < endRow * width; i++) {
      let count = 0;
      let alpha = 0;
      for (let n = 0; n < masks.length; n++) {
        const layerAlpha = masks[n]![i]!;
        if (layerAlpha === 0) continue;
        if (layerAlpha > alpha) alpha = layerAlpha;
        valid[count++] = n;
      }
      if (count === 0) continue;
      const j = this.top * width + i;
      for (let b = 0; b < bands.length; b++) {
        const sources = bands[b]!;
        for (let n = 0; n < count; n++) values[n] = sources[valid[n]!]![i]!;
        output.bands[b]![j] = medianOf(values, count);
      }
      output.mask[j] = alpha;
      this.isEmpty = false;
    }
  }
}

/** The median of the first `count` values, which change places. */
function medianOfIntegers(values: Samples, count: number): number {
  const upper = selectUpper(values, count);
  return count % 2 === 1 ? upper : Math.floor((greatestBelow(values, count) + upper) / 2 + 0.5);
}

function medianOfFloats(values: Samples, count: number): number {
  for (let n = 0; n < count; n++) if (Number.isNaN(values[n]!)) return NaN;
  const upper = selectUpper(values, count);
  return count % 2 === 1 ? upper : (greatestBelow(values, count) + upper) / 2;
}

/** After `selectUpper`: the greatest of the lower half. */
function greatestBelow(values: Samples, count: number): number {
  let greatest = values[0]!;
  for (let n = 1; n < count >> 1; n++) if (values[n]! > greatest) greatest = values[n]!;
  return greatest;
}

/**
 * The value that is in the middle when all are in order, or the upper of two, moved to its place; those before it are not
 * greater, and those behind it not smaller. Many values are parted again and again, only where the middle is.
 *
 * @see Hoare 1961, "Algorithm 65: Find"
 */
function selectUpper(values: Samples, count: number): number {
  const middle = count >> 1;
  let [low, high] = [0, count - 1];
  while (high - low >= FEW_VALUES) {
    const [a, b, c] = [values[low]!, values[(low + high) >> 1]!, values[high]!];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let [i, j] = [low, high];
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const value = values[i]!;
      values[i++] = values[j]!;
      values[j--] = value;
    }
    if (j < middle) low = i;
    if (i > middle) high = j;
  }
  sort(values, low, high);
  return values[middle]!;
}

/** Puts the values `from … to` in order, one by one. */
function sort(values: Samples, from: number, to: number): void {
  for (let n = from + 1; n <= to; n++) {
    const value = values[n]!;
    let at = n - 1;
    for (; at >= from && values[at]! > value; at--) values[at + 1] = values[at]!;
    values[at + 1] = value;
  }
}
