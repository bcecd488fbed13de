import type { Samples, Window } from '../raster/raster.ts';
import type { BlockRef } from './block-reader.ts';
import type { DecodedBlock } from './decode-block.ts';

/** The plane of a block that holds a sample: in a chunky file each has one, in a separate one just that of the block. */
export function planeOfSample({ image, block }: BlockRef, sample: number): number | null {
  if (image.planar !== 'separate') return sample;
  return Math.floor(block / (image.blocksAcross * image.blocksDown)) === sample ? 0 : null;
}

/** Copies what a block holds of a sample, if it holds it: all samples of a chunky file, one of a separate one. */
export function copySample(ref: BlockRef, block: DecodedBlock, sample: number, window: Window, to: Samples): void {
  const plane = planeOfSample(ref, sample);
  if (plane !== null) copyPlane(ref, block, plane, window, to);
}

/** Where a block begins in its level, and which columns and rows of the level it shares with a window. */
interface Overlap {
  readonly left: number;
  readonly top: number;
  readonly firstCol: number;
  /** One behind the last. */
  readonly lastCol: number;
  readonly firstRow: number;
  readonly lastRow: number;
}

/** The part of a block that lies in a window. */
export function overlapOf({ image, block: n }: BlockRef, block: DecodedBlock, window: Window): Overlap {
  const position = n % (image.blocksAcross * image.blocksDown);
  const left = (position % image.blocksAcross) * image.blockWidth;
  const top = Math.floor(position / image.blocksAcross) * image.blockHeight;
  return {
    left,
    top,
    firstCol: Math.max(window.col, left),
    lastCol: Math.min(window.col + window.width, left + block.width),
    firstRow: Math.max(window.row, top),
    lastRow: Math.min(window.row + window.height, top + block.rows),
  };
}

/** Copies the part of one plane of a block that lies in a window, row by row. */
export function copyPlane(ref: BlockRef, block: DecodedBlock, plane: number, window: Window, to: Samples): void {
  const from = block.planes[plane]!;
  const { left, top, firstCol, lastCol, firstRow, lastRow } = overlapOf(ref, block, window);
  for (let row = firstRow; row < lastRow; row += 1) {
    const start = (row - top) * block.width - left;
    to.set(from.subarray(start + firstCol, start + lastCol), (row - window.row) * window.width + firstCol - window.col);
  }
}
