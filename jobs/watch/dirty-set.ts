import type { Bbox } from '../../src/geo/bbox.ts';
import { boxesToMultiPolygon, splitAtAntimeridian, union } from '../../src/geo/bbox.ts';
import { dirtyMetatiles } from '../../src/mosaic/dirty-metatiles.ts';
import type { Cover } from '../../src/tms/cover.ts';
import { unionRanges } from '../../src/tms/index-ranges.ts';
import type { IndexRanges } from '../../src/tms/index-ranges.ts';
import { metatileBbox } from '../../src/tms/metatile.ts';
import type { Halo } from '../../src/tms/metatile.ts';
import { footprintOf } from './watched-items.ts';
import type { WatchedItem } from './watched-items.ts';

/** Ranges are joined after so many places: few lists, and none of them long. */
const PLACES_AT_ONCE = 256;

/** The metatiles that changes at some places may show in. */
export function dirtyAtPlaces(cover: Cover, halo: Halo, places: readonly Pick<WatchedItem, 'place'>[]): IndexRanges {
  let all: IndexRanges = [];
  let lists: IndexRanges[] = [];
  for (const [i, place] of places.entries()) {
    lists.push(dirtyMetatiles(cover, footprintOf(place), halo));
    if (lists.length < PLACES_AT_ONCE && i < places.length - 1) continue;
    all = unionRanges(all, ...lists);
    lists = [];
  }
  return all;
}

/** The metatiles that a change in a box may show in. */
export function dirtyInBbox(cover: Cover, halo: Halo, bbox: Bbox): IndexRanges {
  return dirtyMetatiles(cover, boxesToMultiPolygon(splitAtAntimeridian(bbox)), halo);
}

/** All that the metatiles of a cover look at for scenes; null for a cover of nothing. */
export function reachOf({ zooms }: Cover, halo: Halo): Bbox | null {
  // Metatiles of higher zooms lie inside those of lower ones, and so does the halo around them.
  const [zoom] = zooms.filter(({ from }) => from === 'scenes').sort((a, b) => a.z - b.z);
  if (zoom === undefined) return null;
  const { z, inner, metatiles } = zoom;
  const size = 2 ** inner;
  const [top, bottom] = metatiles.rows;
  return union(
    metatiles.columns.map(([first, last]): Bbox => {
      const [west, , , north] = metatileBbox({ z, x: first, y: top, size }, halo);
      const [, south, east] = metatileBbox({ z, x: last, y: bottom, size }, halo);
      const columns = (last - first + 1) * size + (2 * halo.pixels) / halo.tileSize;
      return columns >= 2 ** z ? [-180, south, 180, north] : [west, south, east, north];
    }),
  );
}
