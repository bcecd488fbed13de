import { MIN_REFINABLE, refineGrid } from './refine-grid.ts';
import type { GridMapping } from './refine-grid.ts';

/**
 * Takes positions in a destination window to positions in a source image. Both are in pixels with (0, 0) at the outer
 * corner of the top left pixel, so that pixel centres lie at halves; destination positions count from the window's
 * corner. A position without an image is NaN.
 *
 * `separable`: column and row are mapped apart, exactly. `xs` has `2·width + 1` entries and `ys` `2·height + 1`: the
 * image of every half pixel, so that odd entries are centres and even ones edges.
 *
 * `grid`: nodes at the centres of the destination pixels `i·step`, row-major, `columns × rows` of them; between nodes
 * the mapping is bilinear. The last nodes lie at or beyond the last centres. With `step` 1 every centre is exact.
 */
export type InverseMapping = SeparableMapping | GridMapping;

export interface SeparableMapping {
  readonly kind: 'separable';
  readonly xs: Float64Array;
  readonly ys: Float64Array;
}

/** Takes destination positions to source positions, in place. */
export type Project = (xs: Float64Array, ys: Float64Array) => void;

/**
 * The largest error of a grid's interpolation, in source pixels. A nearest pixel can then change only within 1e-4 pixels
 * of a pixel's edge, and a bilinear value by less than 1e-4 of the contrast.
 */
const MAX_GRID_ERROR = 1e-4;

/** Nodes farther apart save no more time: 17 × 17 of them for a tile of 256 are cheap already. */
const MAX_STEP = 16;

/** Maps a window of `width × height` pixels column by column and row by row; `project` must be separable. */
export function createSeparableMapping(project: Project, width: number, height: number): SeparableMapping {
  const length = Math.max(width, height) * 2 + 1;
  const xs = new Float64Array(length);
  const ys = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    xs[i] = Math.min(i / 2, width);
    ys[i] = Math.min(i / 2, height);
  }
  project(xs, ys);
  return { kind: 'separable', xs: xs.slice(0, width * 2 + 1), ys: ys.slice(0, height * 2 + 1) };
}

/**
 * Maps a window of `width × height` pixels by a grid of nodes, as wide as keeps the error of interpolation under 1e-4
 * source pixels. `exact` asks for a node at every centre, for projections with discontinuities inside the window.
 */
export function createGridMapping(project: Project, width: number, height: number, exact: boolean): InverseMapping {
  if (exact) return createGrid(project, width, height, 1);
  const coarse = createGrid(project, width, height, MAX_STEP);
  const error = interpolationError(project, coarse);
  if (error < MAX_GRID_ERROR) return coarse;
  // The error falls with the square of the step; NaN (no image somewhere) goes straight to exact.
  const wanted = MAX_STEP * Math.sqrt(MAX_GRID_ERROR / error);
  let step = wanted >= 1 ? Math.min(MAX_STEP / 2, 2 ** Math.floor(Math.log2(wanted))) : 1;
  for (; step > 1; step /= 2) {
    const grid = createFinerGrid(project, width, height, coarse, step);
    if (grid !== null) return grid;
  }
  return createGrid(project, width, height, 1);
}

/** A grid of narrower steps, refined from the coarse one where that is accurate; `null` if the step is still too wide. */
function createFinerGrid(
  project: Project,
  width: number,
  height: number,
  coarse: GridMapping,
  step: number,
): GridMapping | null {
  if (coarse.columns >= MIN_REFINABLE && coarse.rows >= MIN_REFINABLE) {
    const refined = refineGrid(coarse, step, nodesAcross(width, step), nodesAcross(height, step));
    if (interpolationError(project, refined) < MAX_GRID_ERROR) return refined;
  }
  const grid = createGrid(project, width, height, step);
  return interpolationError(project, grid) < MAX_GRID_ERROR ? grid : null;
}

function nodesAcross(size: number, step: number): number {
  return Math.ceil((size - 1) / step) + 1;
}

function createGrid(project: Project, width: number, height: number, step: number): GridMapping {
  const columns = nodesAcross(width, step);
  const rows = nodesAcross(height, step);
  const xs = new Float64Array(columns * rows);
  const ys = new Float64Array(columns * rows);
  for (let j = 0, n = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++, n++) {
      xs[n] = i * step + 0.5;
      ys[n] = j * step + 0.5;
    }
  }
  project(xs, ys);
  return { kind: 'grid', step, columns, rows, xs, ys };
}

/**
 * The largest distance between exact and interpolated positions at the middles of cell edges, over at most 8 × 8 cells.
 * Not at cell centres: for conformal projections the errors along x and y cancel there.
 */
function interpolationError(project: Project, grid: GridMapping): number {
  const { step, columns, rows, xs, ys } = grid;
  const across = spread(columns);
  const down = spread(rows);
  const points = across.length * down.length * 2;
  const exactXs = new Float64Array(points);
  const exactYs = new Float64Array(points);
  const from = new Int32Array(points);
  const to = new Int32Array(points);
  let count = 0;
  const look = (x: number, y: number, n: number, next: number): void => {
    exactXs[count] = x;
    exactYs[count] = y;
    from[count] = n;
    to[count++] = next;
  };
  for (const j of down) {
    const y = j * step + 0.5;
    for (const i of across)
      if (i + 1 < columns) look(i * step + 0.5 + step / 2, y, j * columns + i, j * columns + i + 1);
    if (j + 1 === rows) continue;
    for (const i of across) look(i * step + 0.5, y + step / 2, j * columns + i, (j + 1) * columns + i);
  }
  project(exactXs.subarray(0, count), exactYs.subarray(0, count));
  let error = 0;
  for (let k = 0; k < count; k++) {
    const dx = exactXs[k]! - (xs[from[k]!]! + xs[to[k]!]!) / 2;
    const dy = exactYs[k]! - (ys[from[k]!]! + ys[to[k]!]!) / 2;
    const distance = Math.hypot(dx, dy);
    // A position without an image leaves NaN, which stays.
    error = distance <= error || Number.isNaN(error) ? error : distance;
  }
  return error;
}

/** Up to 8 indexes of `0 … count - 1`, evenly spread, first and last among them. */
function spread(count: number): readonly number[] {
  const wanted = Math.min(8, count);
  return Array.from({ length: wanted }, (_, k) => (wanted === 1 ? 0 : Math.round((k * (count - 1)) / (wanted - 1))));
}

/** The source positions of the pixel centres of one destination row. */
export function mapRow(mapping: InverseMapping, row: number, width: number, xs: Float64Array, ys: Float64Array): void {
  if (mapping.kind === 'separable') {
    const y = mapping.ys[row * 2 + 1]!;
    for (let i = 0; i < width; i++) {
      xs[i] = mapping.xs[i * 2 + 1]!;
      ys[i] = y;
    }
    return;
  }
  const { step } = mapping;
  for (let i = 0; i < width; i += step) {
    placeCell(mapping, row, i / step, cell);
    const { x, y, dx, dy } = cell;
    const count = Math.min(step, width - i);
    xs[i] = x;
    ys[i] = y;
    // Not reached for a node alone: its right neighbour may have no image.
    for (let k = 1; k < count; k++) {
      xs[i + k] = x + dx * k;
      ys[i + k] = y + dy * k;
    }
  }
}

/** A run of pixels of one destination row: the source position of the first centre, and the way from one to the next. */
interface Cell {
  x: number;
  y: number;
  dx: number;
  dy: number;
}

const cell: Cell = { x: 0, y: 0, dx: 0, dy: 0 };

/** Sets the run of `step` pixels that starts at a row's node number `left`. */
function placeCell({ step, columns, rows, xs, ys }: GridMapping, row: number, left: number, cell: Cell): void {
  const above = Math.min(Math.floor(row / step), Math.max(0, rows - 2));
  const from = above * columns;
  const to = rows > 1 ? from + columns : from;
  const t = row / step - above;
  const right = Math.min(left + 1, columns - 1);
  cell.x = mix(xs[from + left]!, xs[to + left]!, t);
  cell.y = mix(ys[from + left]!, ys[to + left]!, t);
  cell.dx = (mix(xs[from + right]!, xs[to + right]!, t) - cell.x) / step;
  cell.dy = (mix(ys[from + right]!, ys[to + right]!, t) - cell.y) / step;
}

/** What lies between two values, at 0 … 1. */
export function mix(a: number, b: number, t: number): number {
  // A node is taken as it is: NaN · 0 from a neighbour without an image would spoil it.
  if (t === 0) return a;
  return t === 1 ? b : a + (b - a) * t;
}

/** The source position of any destination position; outside the nodes the mapping is continued. */
export function mapPoint(mapping: InverseMapping, x: number, y: number): readonly [x: number, y: number] {
  if (mapping.kind === 'separable') return [halves(mapping.xs, x * 2), halves(mapping.ys, y * 2)];
  const { step, columns, rows } = mapping;
  const u = (x - 0.5) / step;
  const v = (y - 0.5) / step;
  const i = Math.max(0, Math.min(Math.floor(u), columns - 2));
  const j = Math.max(0, Math.min(Math.floor(v), rows - 2));
  const n = j * columns + i;
  const right = columns > 1 ? 1 : 0;
  const down = rows > 1 ? columns : 0;
  const at = (nodes: Float64Array): number =>
    mix(mix(nodes[n]!, nodes[n + right]!, u - i), mix(nodes[n + down]!, nodes[n + down + right]!, u - i), v - j);
  return [at(mapping.xs), at(mapping.ys)];
}

/** The entry of half pixels at a position between them. */
export function halves(entries: Float64Array, position: number): number {
  const i = Math.max(0, Math.min(Math.floor(position), entries.length - 2));
  return mix(entries[i]!, entries[i + 1]!, position - i);
}
