import { firstTileId, tileFromTileId } from '../../tms/tile-id.ts';
import { TileIdRuns } from './tile-id-runs.ts';
import type { TileIdRun } from './tile-id-runs.ts';

/** Tiles of a square of the curve: four by four, so that a sample has edges between its tiles. */
const SQUARE = 16;

/**
 * Chooses at most `sample` tiles out of ascending runs, evenly spread; the same ones every time.
 *
 * @param runs - gone through twice if there are more
 */
export function chooseTiles(runs: () => Iterable<TileIdRun>, sample: number): TileIdRuns {
  const all = new TileIdRuns();
  let isWhole = true;
  for (const { first, last } of runs()) {
    if (all.size + last - first + 1 > sample) {
      isWhole = false;
      break;
    }
    all.add(first, last);
  }
  if (isWhole) return all;
  let total = 0;
  for (const { first, last } of runs()) total += last - first + 1;
  const chosen = new TileIdRuns();
  let before = 0;
  let next = 0;
  for (const { first, last } of runs()) {
    const count = last - first + 1;
    for (; next < sample && spread(next, sample, total) < before + count; next++) {
      chosen.add(first + spread(next, sample, total) - before);
    }
    before += count;
  }
  return chosen;
}

/** Chooses at most `sample` tiles, but for a square, in squares of four by four that are evenly spread; the same ones every time. */
export function chooseSquares(present: TileIdRuns, sample: number): TileIdRuns {
  if (present.size <= sample) return present;
  const squares = chooseTiles(() => squaresOf(present), Math.ceil(sample / SQUARE));
  const chosen = new TileIdRuns();
  for (const { first, last } of squares.runs()) {
    for (let square = first; square <= last; square++) {
      const start = startOfSquare(square);
      for (const run of present.within(start, start + SQUARE - 1)) chosen.add(run.first, run.last);
    }
  }
  return chosen;
}

function spread(n: number, sample: number, total: number): number {
  return Math.floor((n * total) / sample);
}

/** Numbers of the squares that have a tile, ascending; the zooms 0 and 1 are a square each, zoom by zoom. */
function* squaresOf(present: TileIdRuns): Generator<TileIdRun> {
  let next = 0;
  for (const { first, last } of present.runs()) {
    const [from, to] = [Math.max(next, squareOf(first)), squareOf(last)];
    if (from <= to) yield { first: from, last: to };
    next = Math.max(next, to + 1);
  }
}

/** Number of the first square of a zoom. */
function firstSquare(z: number): number {
  // Zoom 0, zoom 1, then those of all zooms from 2 on.
  return z < 2 ? z : 2 + firstTileId(z - 2);
}

function squareOf(tileId: number): number {
  const { z } = tileFromTileId(tileId);
  return firstSquare(z) + Math.floor((tileId - firstTileId(z)) / SQUARE);
}

function startOfSquare(square: number): number {
  if (square < 2) return firstTileId(square);
  const z = 2 + tileFromTileId(square - 2).z;
  return firstTileId(z) + (square - firstSquare(z)) * SQUARE;
}
