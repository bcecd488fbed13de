import type { InverseMapping } from './inverse-mapping.ts';
import { opacityOf } from './kernel-average.ts';
import type { LineKernel } from './kernel-nearest.ts';
import type { Dtype, Raster, Samples } from './raster.ts';
import { createSourceBoxes, type SourceBoxes } from './source-box.ts';
import type { WarpRow } from './warp-row.ts';

/** How much of each value there is in a box, and which value led first. */
interface Tally {
  /** The value of the greatest weight; of several, the one that reached it first in reading order. */
  leader: number;
  /** The greatest weight; 0 = nothing was counted. */
  most: number;
  add(value: number, weight: number): void;
  clear(): void;
}

/**
 * The most frequent value of the valid source pixels under a destination pixel, each counted by the area that lies in
 * the box. A pixel is valid if any source pixel in its box is; its opacity is their mean.
 */
export function createMode(row: WarpRow, mapping: InverseMapping, target: Raster, dtype: Dtype): LineKernel {
  const boxes = createSourceBoxes(row, mapping);
  const sources = row.source.bands;
  const least = LEAST[dtype];
  const tally = least === undefined ? createValueMap() : createHistogram(least);
  return (line, at) => {
    boxes.place(line);
    let valid = 0;
    for (let i = 0; i < row.width; i++) {
      if (boxes.columns.from[i]! < 0 || boxes.lines.from[i]! < 0) continue;
      let counted = false;
      for (let b = 0; b < sources.length; b++) {
        tally.clear();
        count(row, boxes, i, sources[b]!, tally);
        if (tally.most <= 0) continue;
        target.bands[b]![at + i] = tally.leader;
        counted = true;
      }
      if (!counted) continue;
      target.mask[at + i] = opacityOf(row, boxes, i);
      valid++;
    }
    return valid;
  };
}

function count(
  { window, source }: WarpRow,
  { columns, lines }: SourceBoxes,
  i: number,
  samples: Samples,
  tally: Tally,
): void {
  const mask = source.mask;
  const [from, to, first, last] = [columns.from[i]!, columns.to[i]!, columns.first[i]!, columns.last[i]!];
  const [top, bottom] = [lines.from[i]!, lines.to[i]!];
  for (let l = top; l < bottom; l++) {
    const start = (l - window.row) * window.width - window.col;
    const weightY = l === top ? lines.first[i]! : l === bottom - 1 ? lines.last[i]! : 1;
    for (let c = from; c < to; c++) {
      if (mask[start + c] === 0) continue;
      tally.add(samples[start + c]!, (c === from ? first : c === to - 1 ? last : 1) * weightY);
    }
  }
}

/** The least value of the types of which GDAL counts each value in a place of its own. */
const LEAST: Readonly<Partial<Record<Dtype, number>>> = { uint8: 0, int8: -128, uint16: 0, int16: -32_768 };

/** For samples of up to 16 bits: a weight per value; clearing undoes only what was counted. */
function createHistogram(least: number): Tally {
  const weights = new Float32Array(65_536);
  let seen = new Uint16Array(64);
  let length = 0;
  return {
    leader: 0,
    most: 0,
    add(value, weight) {
      const place = value - least;
      const sum = Math.fround(weights[place]! + weight);
      if (weights[place] === 0) {
        if (length === seen.length) seen = grown(seen);
        seen[length++] = place;
      }
      weights[place] = sum;
      if (sum > this.most) {
        this.most = sum;
        this.leader = value;
      }
    },
    clear() {
      for (let k = 0; k < length; k++) weights[seen[k]!] = 0;
      length = 0;
      this.most = 0;
    },
  };
}

function grown(array: Uint16Array<ArrayBuffer>): Uint16Array<ArrayBuffer> {
  const result = new Uint16Array(array.length * 2);
  result.set(array);
  return result;
}

/**
 * For samples of any value. As in GDAL, a value other than the first can take the lead only when it is met again, however
 * great its weight was before: of values that are all different the first counts.
 */
function createValueMap(): Tally {
  const weights = new Map<number, number>();
  return {
    leader: 0,
    most: 0,
    add(value, weight) {
      const before = weights.get(value);
      const sum = Math.fround((before ?? 0) + weight);
      weights.set(value, sum);
      if (sum > this.most && (before !== undefined || weights.size === 1)) {
        this.most = sum;
        this.leader = value;
      }
    },
    clear() {
      weights.clear();
      this.most = 0;
    },
  };
}
