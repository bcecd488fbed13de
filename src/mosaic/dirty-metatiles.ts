import type { MultiPolygon } from 'geojson';
import { splitAtAntimeridian } from '../geo/bbox.ts';
import type { Bbox } from '../geo/bbox.ts';
import { createPolygonEdges } from '../geo/polygon-edges.ts';
import type { EdgeList } from '../geo/polygon-edges.ts';
import type { Cover } from '../tms/cover.ts';
import { rangesTouching } from '../tms/cover-ranges.ts';
import type { SquareTest } from '../tms/cover-ranges.ts';
import type { IndexRanges } from '../tms/index-ranges.ts';
import { metatileBbox } from '../tms/metatile.ts';
import type { Halo } from '../tms/metatile.ts';
import { footprintSlack, growBbox } from './asset-filter.ts';

/**
 * The indices of all metatiles of a cover that a change of a scene with this footprint may show in: exactly those, of the
 * metatiles that are rendered from scenes, which `scenesTouching` gives the scene to, and all that are made of them. A
 * footprint of null may be anywhere.
 *
 * Cost: the metatiles along the border of the footprint, times its edges near each.
 */
export function dirtyMetatiles(cover: Cover, footprint: MultiPolygon | null, halo: Halo): IndexRanges {
  if (footprint === null) return rangesTouching(cover, () => 'inside');
  return rangesTouching(cover, footprintTest(footprint, halo));
}

function footprintTest(footprint: MultiPolygon, halo: Halo): SquareTest<EdgeList> {
  const edges = createPolygonEdges(footprint);
  const slack = footprintSlack(footprint);
  return (square, around) => {
    const parts: readonly Bbox[] = splitAtAntimeridian(growBbox(metatileBbox(square, halo), slack));
    const from = around ?? edges.all;
    const near = new Set(parts.flatMap((part) => edges.within(from, part)));
    if (near.size > 0) return { partly: [...near].sort((a, b) => a - b) };
    const within = parts.filter((part) => edges.containsCentre(part)).length;
    if (within === 0) return 'outside';
    return within === parts.length ? 'inside' : { partly: from };
  };
}
