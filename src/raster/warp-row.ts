import { countSame, wordsOf } from './mask.ts';
import type { Raster, Window } from './raster.ts';

/**
 * How far outside the image a pixel centre still counts as inside, in source pixels: the error that a mapping may have.
 * Without it two abutting scenes, each mapped with its own error, could both disown a centre on their common edge.
 */
const EDGE_TOLERANCE = 1e-4;

/** Keeps a position that is a pixel's edge but for rounding on the far side of it, as GDAL does. */
const NEAREST_EPSILON = 1e-10;

/** How much of a source window has data: all of it, parts of it, or also partly transparent pixels. */
export type Coverage = 'full' | 'binary' | 'partial';

/**
 * One row of a warp in progress. Arrays are as wide as the destination; positions are in pixels of the whole level,
 * offsets in samples of the source window. Reused for every row, so that a warp allocates nothing per pixel.
 */
export interface WarpRow {
  readonly source: Raster;
  /** Where the source raster lies in its level. */
  readonly window: Window;
  readonly levelWidth: number;
  readonly levelHeight: number;
  readonly coverage: Coverage;
  readonly width: number;
  /** Source positions of the pixel centres; NaN = none. */
  readonly xs: Float64Array;
  readonly ys: Float64Array;
  /** Offset of the nearest source pixel if it is valid, else -1. A destination pixel is valid only where this is not -1. */
  readonly nearest: Int32Array;
}

/** What `createRow` is told of a warp. */
export interface RowInput {
  readonly source: Raster;
  readonly window: Window;
  readonly imageWidth: number;
  readonly imageHeight: number;
  readonly width: number;
}

/** Room for the rows of one warp. */
export function createRow({ source, window, imageWidth, imageHeight, width }: RowInput): WarpRow {
  return {
    source,
    window,
    levelWidth: imageWidth,
    levelHeight: imageHeight,
    coverage: coverageOf(source.mask),
    width,
    xs: new Float64Array(width),
    ys: new Float64Array(width),
    nearest: new Int32Array(width),
  };
}

/** Fills `nearest` from `xs` and `ys`; gives the number of valid pixels. */
export function locateRow(row: WarpRow): number {
  const { width, xs, ys, nearest } = row;
  let valid = 0;
  for (let i = 0; i < width; i++) {
    const offset = locate(row, xs[i]!, ys[i]!);
    nearest[i] = offset;
    if (offset >= 0) valid++;
  }
  return valid;
}

/** The offset of the source pixel nearest to a position if it is valid, else -1; a position outside the image has none. */
export function locate({ window, levelWidth, levelHeight, coverage, source }: WarpRow, x: number, y: number): number {
  const col = pixelOf(x, levelWidth, window.col, window.width);
  const line = pixelOf(y, levelHeight, window.row, window.height);
  if (col < 0 || line < 0) return -1;
  const offset = line * window.width + col;
  return coverage === 'full' || source.mask[offset] !== 0 ? offset : -1;
}

function pixelOf(position: number, imageSize: number, origin: number, size: number): number {
  // Also false for NaN.
  if (!(position > -EDGE_TOLERANCE && position < imageSize + EDGE_TOLERANCE)) return -1;
  // Clamped to the window, which leaves out pixels that rounding alone would touch.
  return Math.min(Math.max(Math.floor(position + NEAREST_EPSILON) - origin, 0), size - 1);
}

/** What a mask holds; looks at four pixels at a time. */
export function coverageOf(mask: Uint8Array): Coverage {
  const words = wordsOf(mask);
  const opaque = countSame(words, -1);
  const rest = 4 * words.length;
  if (!areBinary(words, opaque) || !isBinary(mask, rest, mask.length)) return 'partial';
  return opaque === words.length && !mask.includes(0, rest) ? 'full' : 'binary';
}

/** True if each byte of the words is 0 or 255: then its last bit, spread over the byte, gives it again. */
function areBinary(words: Int32Array, from: number): boolean {
  let n = from;
  while (n < words.length && Math.imul(words[n]! & 0x01010101, 255) === words[n]) n++;
  return n === words.length;
}

function isBinary(mask: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (mask[i] !== 0 && mask[i] !== 255) return false;
  return true;
}
