import type { Samples, Window } from '../raster/raster.ts';
import type { BlockRef } from './block-reader.ts';
import type { DecodedBlock } from './decode-block.ts';

/** Copies what a block holds of a sample, if it holds it: all samples of a chunky file, one of a separate one. */
export function copySample(ref: BlockRef, block: DecodedBlock, sample: number, window: Window, to: Samples): void {
  const { image } = ref;
  const plane = image.planar === 'separate' ? Math.floor(ref.block / (image.blocksAcross * image.blocksDown)) : null;
  if (plane === null) copyPlane(ref, block, sample, window, to);
  else if (plane === sample) copyPlane(ref, block, 0, window, to);
}

/** Copies the part of one plane of a block that lies in a window, row by row. */
export function copyPlane(
  { image, block: n }: BlockRef,
  block: DecodedBlock,
  plane: number,
  window: Window,
  to: Samples,
): void {
  const from = block.planes[plane]!;
  const position = n % (image.blocksAcross * image.blocksDown);
  const left = (position % image.blocksAcross) * image.blockWidth;
  const top = Math.floor(position / image.blocksAcross) * image.blockHeight;
  const firstCol = Math.max(window.col, left);
  const lastCol = Math.min(window.col + window.width, left + block.width);
  const firstRow = Math.max(window.row, top);
  const lastRow = Math.min(window.row + window.height, top + block.rows);
  for (let row = firstRow; row < lastRow; row += 1) {
    const start = (row - top) * block.width - left;
    to.set(from.subarray(start + firstCol, start + lastCol), (row - window.row) * window.width + firstCol - window.col);
  }
}
