import { type InverseMapping, mapRow } from './inverse-mapping.ts';
import type { Raster, Samples } from './raster.ts';
import { locateRow, type WarpRow } from './warp-row.ts';
import { asBits } from './working-raster.ts';

/** Fills one line of a target, which starts at offset `at`; gives the number of its valid pixels. */
export type LineKernel = (line: number, at: number) => number;

/** Each pixel is the source pixel that its centre lies in, and valid if that is. Values are copied bit by bit. */
export function createNearest(row: WarpRow, mapping: InverseMapping, target: Raster): LineKernel {
  const sources = [...row.source.bands, row.source.mask].map(asBits);
  const targets = [...target.bands, target.mask].map(asBits);
  return (line, at) => {
    mapRow(mapping, line, row.width, row.xs, row.ys);
    const valid = locateRow(row);
    if (valid > 0) sources.forEach((source, b) => copyValid(source, targets[b]!, at, row));
    return valid;
  };
}

function copyValid(source: Samples, target: Samples, at: number, { nearest, width }: WarpRow): void {
  for (let i = 0; i < width; i++) {
    const offset = nearest[i]!;
    if (offset >= 0) target[at + i] = source[offset]!;
  }
}
