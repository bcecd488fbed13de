import { type Cell, type InverseMapping, mapRow, placeCell, type SeparableMapping } from './inverse-mapping.ts';
import type { Raster, Samples } from './raster.ts';
import type { GridMapping } from './refine-grid.ts';
import { columnOf, insideOffset, isInside, lineOf, locate, locateRow, type WarpRow } from './warp-row.ts';
import { asBits } from './working-raster.ts';

/** Fills one line of a target, which starts at offset `at`; gives the number of its valid pixels. */
export type LineKernel = (line: number, at: number) => number;

/** Each pixel is the source pixel that its centre lies in, and valid if that is. Values are copied bit by bit. */
export function createNearest(row: WarpRow, mapping: InverseMapping, target: Raster): LineKernel {
  const sources = row.source.bands.map(asBits);
  const targets = target.bands.map(asBits);
  const locateLine =
    mapping.kind === 'separable'
      ? createLineLocator(row, mapping)
      : (line: number) => locateByCells(row, mapping, line);
  return (line, at) => {
    const valid = locateLine(line);
    if (valid > 0) copyLine(row, sources, targets, target.mask, at, valid === row.width);
    return valid;
  };
}

/** Fills `nearest` where columns and lines are found apart: each column once, each line once. */
function createLineLocator(row: WarpRow, mapping: SeparableMapping): (line: number) => number {
  const { width, nearest, window } = row;
  const columns = Int32Array.from({ length: width }, (_, i) => columnOf(row, mapping.xs[i * 2 + 1]!));
  const outside = columns.reduce((count, column) => count + (column < 0 ? 1 : 0), 0);
  const mask = row.coverage === 'full' ? null : row.source.mask;
  return (line) => {
    const found = lineOf(row, mapping.ys[line * 2 + 1]!);
    if (found < 0) return 0;
    const start = found * window.width;
    let valid = width - outside;
    for (let i = 0; i < width; i++) nearest[i] = columns[i]! < 0 ? -1 : start + columns[i]!;
    if (mask === null) return valid;
    for (let i = 0; i < width; i++) {
      const offset = nearest[i]!;
      if (offset < 0 || mask[offset] !== 0) continue;
      nearest[i] = -1;
      valid--;
    }
    return valid;
  };
}

const cell: Cell = { x: 0, y: 0, dx: 0, dy: 0 };

/** Fills `nearest`, without looking at each position where both ends of a cell are inside. */
function locateByCells(row: WarpRow, mapping: GridMapping, line: number): number {
  const { width, window, nearest, xs, ys } = row;
  const { step } = mapping;
  if (row.coverage !== 'full' || step === 1) {
    mapRow(mapping, line, width, xs, ys);
    return locateRow(row);
  }
  const origin = window.row * window.width + window.col;
  let valid = 0;
  for (let i = 0; i < width; i += step) {
    placeCell(mapping, line, i / step, cell);
    const { x, y, dx, dy } = cell;
    const count = Math.min(step, width - i);
    if (isInside(row, x, y) && isInside(row, x + dx * (count - 1), y + dy * (count - 1))) {
      for (let k = 0; k < count; k++) nearest[i + k] = insideOffset(x + dx * k, y + dy * k, window.width) - origin;
      valid += count;
      continue;
    }
    for (let k = 0; k < count; k++) {
      const offset = k === 0 ? locate(row, x, y) : locate(row, x + dx * k, y + dy * k);
      nearest[i + k] = offset;
      if (offset >= 0) valid++;
    }
  }
  return valid;
}

function copyLine(
  row: WarpRow,
  sources: readonly Samples[],
  targets: readonly Samples[],
  mask: Uint8Array,
  at: number,
  all: boolean,
): void {
  const { nearest, width, coverage } = row;
  const copy = all ? copyAll : copyValid;
  if (all && sources.length === 3) copyThree(sources, targets, at, nearest, width);
  else for (let b = 0; b < sources.length; b++) copy(sources[b]!, targets[b]!, at, nearest, width);
  if (coverage === 'partial') copyValid(row.source.mask, mask, at, nearest, width);
  else if (all) mask.fill(255, at, at + width);
  else for (let i = 0; i < width; i++) if (nearest[i]! >= 0) mask[at + i] = 255;
}

function copyThree(
  sources: readonly Samples[],
  targets: readonly Samples[],
  at: number,
  nearest: Int32Array,
  width: number,
): void {
  const [source0, source1, source2] = [sources[0]!, sources[1]!, sources[2]!];
  const [target0, target1, target2] = [targets[0]!, targets[1]!, targets[2]!];
  for (let i = 0; i < width; i++) {
    const offset = nearest[i]!;
    target0[at + i] = source0[offset]!;
    target1[at + i] = source1[offset]!;
    target2[at + i] = source2[offset]!;
  }
}

function copyAll(source: Samples, target: Samples, at: number, nearest: Int32Array, width: number): void {
  for (let i = 0; i < width; i++) target[at + i] = source[nearest[i]!]!;
}

function copyValid(source: Samples, target: Samples, at: number, nearest: Int32Array, width: number): void {
  for (let i = 0; i < width; i++) {
    const offset = nearest[i]!;
    if (offset >= 0) target[at + i] = source[offset]!;
  }
}
