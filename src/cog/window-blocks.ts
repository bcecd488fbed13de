import type { Window } from '../raster/raster.ts';
import type { BlockRef } from './block-reader.ts';
import type { LevelImages } from './cog-structure.ts';
import { decodedBlockBytes } from './image-layout.ts';
import { blocksOfWindow } from './plan-blocks.ts';

/** The blocks that hold samples of a window, and with `withMask` those of the level's mask behind them. */
export function refsOfWindow(
  { image, mask }: LevelImages,
  window: Window,
  samples: readonly number[],
  withMask: boolean,
): readonly BlockRef[] {
  const grid = blocksOfWindow(image, window);
  const perPlane = image.blocksAcross * image.blocksDown;
  const planes = image.planar === 'separate' ? [...new Set(samples)] : [0];
  const refs = planes.flatMap((plane) => grid.map((block): BlockRef => ({ image, block: plane * perPlane + block })));
  if (!withMask || mask === null) return refs;
  return [...refs, ...blocksOfWindow(mask, window).map((block) => ({ image: mask, block }))];
}

/** Cuts blocks into groups of at most so many decoded bytes; a block that is larger is a group of its own. */
export function* groupsOfBlocks(refs: readonly BlockRef[], maxBytes: number): Generator<readonly BlockRef[]> {
  let group: BlockRef[] = [];
  let room = maxBytes;
  for (const ref of refs) {
    room -= decodedBlockBytes(ref.image);
    if (room < 0 && group.length > 0) {
      yield group;
      group = [];
      room = maxBytes - decodedBlockBytes(ref.image);
    }
    group.push(ref);
  }
  yield group;
}
