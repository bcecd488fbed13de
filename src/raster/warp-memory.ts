import type { WasmInstance } from '../wasm/instantiate.ts';
import { bytesPerSample, type Dtype, isIntegerDtype, type Raster, type Samples } from './raster.ts';
import { type ConvolutionKernel, isConvolution, isWidened, widenedReach } from './resample.ts';
import type { WarpInput } from './warp-input.ts';
import type { Coverage } from './warp-row.ts';

/** What the module exports. Addresses are bytes in its memory; bands at address 0 are none. */
export interface WarpExports {
  heapBase(): number;
  rowBytes(width: number): number;
  setRows(width: number, at: number): void;
  setMapping(step: number, columns: number, rows: number, nodesX: number, nodesY: number): void;
  setWindow(
    window: number,
    mask: number,
    width: number,
    height: number,
    full: boolean,
    partial: boolean,
    col: number,
    row: number,
    imageWidth: number,
    imageHeight: number,
    round: boolean,
  ): void;
  widenedBytes(width: number, height: number, reachX: number, reachY: number): number;
  setWidened(
    cubic: boolean,
    scaleX: number,
    scaleY: number,
    left: number,
    right: number,
    top: number,
    bottom: number,
    at: number,
  ): void;
  fill(type: number, band0: number, band1: number, band2: number, mask: number, count: number, to: number): void;
  resample(
    kernel: number,
    type: number,
    from: number,
    to: number,
    band0: number,
    band1: number,
    band2: number,
    mask: number,
  ): number;
  nearest(
    size: number,
    from: number,
    to: number,
    bands: number,
    source: number,
    sourceStep: number,
    target: number,
    targetStep: number,
    mask: number,
  ): number;
}

export type WarpInstance = WasmInstance<WarpExports>;

/** The types of samples that are weighed, as the module numbers them: 32-bit floats hold every value of each. */
export const SAMPLE_TYPES: Readonly<Partial<Record<Dtype, number>>> = {
  uint8: 0,
  int8: 1,
  uint16: 2,
  int16: 3,
  float32: 4,
};

/** How many bands are weighed at once; the mask is the fourth number of a pixel. */
export const BANDS_AT_ONCE = 3;

/** Samples of a band that are made pixels at a time: few enough to stay in a core's cache. */
const STAGED = 16_384;
/** Loops read and write whole vectors, beyond the last sample. */
const SLACK = 64;

/** Where the parts of a warp lie in the module's memory. */
export interface WarpLayout {
  readonly nodesX: number;
  readonly nodesY: number;
  readonly rows: number;
  readonly weights: number;
  readonly mask: number;
  /** Bands, `sourceStep` bytes apart, that are copied from; else the window's pixels, four 32-bit floats each. */
  readonly source: number;
  readonly sourceStep: number;
  /** Room for three bands of `STAGED` samples. */
  readonly staging: number;
  /** Bands, `targetStep` bytes apart. */
  readonly target: number;
  readonly targetStep: number;
  readonly targetMask: number;
  /** The first byte behind all of it. */
  readonly end: number;
}

/** Divides memory for a warp that writes at most so many lines of so many bands at a time. */
export function layOut(input: WarpInput, exports: WarpExports, bands: number, lines: number): WarpLayout {
  const { source, mapping, width } = input;
  const size = bytesPerSample(source.dtype);
  const pixels = source.mask.length;
  const copies = input.resampling === 'nearest';
  const sourceStep = roundUp(pixels * size + SLACK);
  const targetStep = roundUp(width * lines * size + SLACK);
  let end = exports.heapBase();
  const take = (bytes: number): number => {
    const at = roundUp(end);
    end = at + bytes + SLACK;
    return at;
  };
  return {
    nodesX: take(mapping.xs.byteLength),
    nodesY: take(mapping.ys.byteLength),
    rows: take(exports.rowBytes(width)),
    weights: take(weightBytes(input, exports)),
    mask: take(pixels),
    source: take(copies ? sourceStep * bands : pixels * 16),
    sourceStep,
    staging: take(copies ? 0 : STAGED * size * BANDS_AT_ONCE),
    target: take(targetStep * bands),
    targetStep,
    targetMask: take(width * lines),
    end,
  };
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / 16) * 16;
}

function weightBytes({ resampling, scale, window }: WarpInput, exports: WarpExports): number {
  if (!isConvolution(resampling) || !isWidened(resampling, scale)) return 0;
  const { x, y } = reachOf(resampling, scale);
  return exports.widenedBytes(window.width, window.height, x.to - x.from, y.to - y.from);
}

function reachOf(resampling: ConvolutionKernel, scale: WarpInput['scale']) {
  return { x: widenedReach(resampling, scale.x), y: widenedReach(resampling, scale.y) };
}

/** Copies the mapping and the mask, and tells the module of the warp. */
export function place({ exports, memory }: WarpInstance, input: WarpInput, coverage: Coverage, at: WarpLayout): void {
  const { mapping, source, window, imageWidth, imageHeight, resampling, scale } = input;
  const { width, height, col, row } = window;
  new Float64Array(memory.buffer, at.nodesX, mapping.xs.length).set(mapping.xs);
  new Float64Array(memory.buffer, at.nodesY, mapping.ys.length).set(mapping.ys);
  new Uint8Array(memory.buffer, at.mask, source.mask.length).set(source.mask);
  if (mapping.kind === 'separable') exports.setMapping(0, 0, 0, at.nodesX, at.nodesY);
  else exports.setMapping(mapping.step, mapping.columns, mapping.rows, at.nodesX, at.nodesY);
  exports.setRows(input.width, at.rows);
  const [full, partial, round] = [coverage === 'full', coverage === 'partial', isIntegerDtype(source.dtype)];
  exports.setWindow(at.source, at.mask, width, height, full, partial, col, row, imageWidth, imageHeight, round);
  if (!isConvolution(resampling) || !isWidened(resampling, scale)) return;
  const { x, y } = reachOf(resampling, scale);
  const [scaleX, scaleY] = [Math.min(1, scale.x), Math.min(1, scale.y)];
  exports.setWidened(resampling === 'cubic', scaleX, scaleY, x.from, x.to, y.from, y.to, at.weights);
}

/** Copies bands as they are. */
export function copyBands({ memory }: WarpInstance, { bands }: Raster, { source, sourceStep }: WarpLayout): void {
  const bytes = new Uint8Array(memory.buffer);
  bands.forEach((band, b) => bytes.set(bytesOf(band), source + b * sourceStep));
}

function bytesOf({ buffer, byteOffset, byteLength }: Samples): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Makes pixels of three bands from number `first` on; fewer are filled up with the first of them. */
export function fillPixels({ exports, memory }: WarpInstance, raster: Raster, first: number, at: WarpLayout): void {
  const memoryBytes = new Uint8Array(memory.buffer);
  const type = SAMPLE_TYPES[raster.dtype]!;
  const size = bytesPerSample(raster.dtype);
  const bands = raster.bands.slice(first, first + BANDS_AT_ONCE).map(bytesOf);
  const stage = (b: number): number => at.staging + (b < bands.length ? b : 0) * STAGED * size;
  const length = raster.mask.length;
  for (let from = 0; from < length; from += STAGED) {
    const count = Math.min(STAGED, length - from);
    bands.forEach((band, b) => memoryBytes.set(band.subarray(from * size, (from + count) * size), stage(b)));
    exports.fill(type, stage(0), stage(1), stage(2), at.mask + from, count, at.source + from * 16);
  }
}

/** Copies lines of `count` bands from number `first` on, and of the mask, into the target. */
export function takeBands(
  { memory }: WarpInstance,
  target: Raster,
  { first, count, from, to }: { first: number; count: number; from: number; to: number },
  at: WarpLayout,
): void {
  const [start, length] = [from * target.width, (to - from) * target.width];
  const size = bytesPerSample(target.dtype);
  for (let b = 0; b < count; b++) {
    const band = new Uint8Array(memory.buffer, at.target + b * at.targetStep, length * size);
    bytesOf(target.bands[first + b]!).set(band, start * size);
  }
  target.mask.set(new Uint8Array(memory.buffer, at.targetMask, length), start);
}
