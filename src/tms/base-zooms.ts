import { metatileSizeAt } from './metatile.ts';

/** A zoom that has metatiles of its own. The tiles of other zooms are made beside those of a base zoom below them. */
export interface BaseZoom {
  readonly z: number;
  /** What its tiles are made of: the scenes, or the tiles of zoom z + 1. */
  readonly from: 'scenes' | 'children';
  /** Zooms z - 1 … z - parentZooms are made by the metatiles of this one, of the tiles inside each. */
  readonly parentZooms: number;
  /** The tile as large as a metatile is needed by those of a further base zoom. */
  readonly isHandedOn: boolean;
}

export interface BaseZoomOptions {
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly metatileSize: number;
  /** The lowest zoom that is rendered from scenes. Default `minzoom`. */
  readonly sourceMinzoom?: number | undefined;
}

/**
 * How the zooms of a tileset are shared out among metatiles, in the order in which they are rendered.
 *
 * From `sourceMinzoom` up every zoom has its metatiles, rendered from scenes; ascending. A metatile of `sourceMinzoom`,
 * 2^k tiles wide, also makes what lies above it up to the one tile that is as large as itself, zooms down to
 * `sourceMinzoom - k`. The next zoom has metatiles again, made of those tiles, and so on; each such zoom needs all
 * metatiles of the one before, inside its own, to be done.
 *
 * With `sourceMinzoom` 9 and metatiles of 8 x 8 tiles, `minzoom` 2: 9 (and 8, 7, 6) from scenes, 10 … from scenes, then
 * 5 (and 4, 3, 2) from children.
 */
export function baseZooms({
  minzoom,
  maxzoom,
  metatileSize,
  sourceMinzoom = minzoom,
}: BaseZoomOptions): readonly BaseZoom[] {
  const split = Math.min(Math.max(sourceMinzoom, minzoom), maxzoom);
  const base = (z: number, from: BaseZoom['from'], makesParents: boolean): BaseZoom => {
    const parentZooms = makesParents ? Math.min(Math.log2(metatileSizeAt(z, metatileSize)), z - minzoom) : 0;
    return { z, from, parentZooms, isHandedOn: makesParents && z - parentZooms > minzoom };
  };
  const bases: BaseZoom[] = [];
  for (let z = split; z <= maxzoom; z++) bases.push(base(z, 'scenes', z === split));
  for (let last = bases[0]; last?.isHandedOn === true; last = bases.at(-1)) {
    bases.push(base(last.z - last.parentZooms - 1, 'children', true));
  }
  return bases;
}
