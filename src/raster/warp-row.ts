import type { Raster, Window } from './raster.ts';

/**
 * How far outside the image a pixel centre still counts as inside, in source pixels: the error that a mapping may have.
 * Without it two abutting scenes, each mapped with its own error, could both disown a centre on their common edge.
 */
const EDGE_TOLERANCE = 1e-4;

/** Keeps a position that is a pixel's edge but for rounding on the far side of it, as GDAL does. */
const NEAREST_EPSILON = 1e-10;

/** How much of a source window has data: all of it, parts of it, or also partly transparent pixels. */
type Coverage = 'full' | 'binary' | 'partial';

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
  /** Columns that a kernel's fast loop has left for its careful one; for the kernels' own use. */
  readonly rest: Int32Array;
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
    rest: new Int32Array(width),
  };
}

/** Fills `nearest` from `xs` and `ys`; gives the number of valid pixels. */
export function locateRow(row: WarpRow): number {
  const { width, xs, ys, nearest, window } = row;
  const mask = row.coverage === 'full' ? null : row.source.mask;
  const origin = window.row * window.width + window.col;
  let valid = 0;
  for (let i = 0; i < width; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    let offset: number;
    if (isInside(row, x, y)) {
      offset = insideOffset(x, y, window.width) - origin;
      if (mask !== null && mask[offset] === 0) offset = -1;
    } else {
      offset = locate(row, x, y);
    }
    nearest[i] = offset;
    if (offset >= 0) valid++;
  }
  return valid;
}

/** True for positions in the window but for its last hair, where clamping matters; false for NaN. */
export function isInside({ window }: WarpRow, x: number, y: number): boolean {
  const { col, row, width, height } = window;
  return x >= col && x < col + width - 1e-6 && y >= row && y < row + height - 1e-6;
}

/** The offset, in lines of `stride` samples, of the pixel nearest to a position that is not negative. */
export function insideOffset(x: number, y: number, stride: number): number {
  // `| 0` rounds down, since positions are not negative, and stays in whole numbers.
  return ((y + NEAREST_EPSILON) | 0) * stride + ((x + NEAREST_EPSILON) | 0);
}

/** The offset of the source pixel nearest to a position if it is valid, else -1. */
export function locate(row: WarpRow, x: number, y: number): number {
  const { window } = row;
  const col = columnOf(row, x);
  const line = lineOf(row, y);
  if (col < 0 || line < 0) return -1;
  const offset = line * window.width + col;
  return row.coverage === 'full' || row.source.mask[offset] !== 0 ? offset : -1;
}

/** The window's column in which a position lies; -1 outside the image. */
export function columnOf({ window, levelWidth }: WarpRow, x: number): number {
  return pixelOf(x, levelWidth, window.col, window.width);
}

/** The window's line in which a position lies; -1 outside the image. */
export function lineOf({ window, levelHeight }: WarpRow, y: number): number {
  return pixelOf(y, levelHeight, window.row, window.height);
}

function pixelOf(position: number, imageSize: number, origin: number, size: number): number {
  // Also false for NaN.
  if (!(position > -EDGE_TOLERANCE && position < imageSize + EDGE_TOLERANCE)) return -1;
  // Clamped to the window, which leaves out pixels that rounding alone would touch.
  return Math.min(Math.max(Math.floor(position + NEAREST_EPSILON) - origin, 0), size - 1);
}

/** What a mask holds; looks at four pixels at a time. */
function coverageOf(mask: Uint8Array): Coverage {
  const words = mask.byteOffset % 4 === 0 ? new Uint32Array(mask.buffer, mask.byteOffset, mask.length >> 2) : EMPTY;
  let coverage: Coverage = 'full';
  let i = 0;
  while (i < words.length && words[i] === 0xffffffff) i++;
  for (i *= 4; i < mask.length; i++) {
    const value = mask[i];
    if (value === 255) continue;
    if (value !== 0) return 'partial';
    coverage = 'binary';
  }
  return coverage;
}

const EMPTY = new Uint32Array(0);
