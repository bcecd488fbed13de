import { boxesToGeometry } from '../geo/bbox.ts';
import type { Bounds } from '../geo/bbox.ts';
import type { SortKey } from './order.ts';

/**
 * How a search is put to an API. Not every API takes all of it: some refuse `sortby`, MultiPolygons, `intersects`, or
 * POST. None of the shapes changes the answer, only how many requests it takes.
 */
export interface SearchShape {
  readonly method: 'GET' | 'POST';
  /** One geometry for all boxes, one polygon a box, or one `bbox` a box: the last two search once a box. */
  readonly area: 'geometry' | 'polygons' | 'bboxes';
  readonly isSorted: boolean;
}

/** The shapes to try, best first: fewest searches, then the server's own sorting. */
export function candidateShapes(
  boxCount: number,
  options: { readonly isSorted: boolean; readonly isGetOnly: boolean },
): readonly SearchShape[] {
  const areas: readonly SearchShape['area'][] =
    boxCount > 1 ? ['geometry', 'polygons', 'bboxes'] : ['geometry', 'bboxes'];
  const methods: readonly SearchShape['method'][] = options.isGetOnly ? ['GET'] : ['POST', 'GET'];
  return methods.flatMap((method) =>
    (method === 'GET' ? (['bboxes'] as const) : areas).flatMap((area) =>
      (options.isSorted ? [true, false] : [false]).map((isSorted) => ({ method, area, isSorted })),
    ),
  );
}

/**
 * The bodies of one search in a shape. Boxes are sent as they are: the edges of a Web Mercator tile are straight lines
 * in longitude and latitude, so that its box needs no further positions, and an API that draws edges as great circles is
 * met by `bbox`.
 */
export function searchBodies(
  shape: SearchShape,
  boxes: readonly Bounds[],
  base: Readonly<Record<string, unknown>>,
  sortby: readonly SortKey[],
): readonly Readonly<Record<string, unknown>>[] {
  const common = { ...base, ...(shape.isSorted && sortby.length > 0 && { sortby }) };
  if (shape.area === 'bboxes') return boxes.map((box) => ({ ...common, bbox: box }));
  const groups = shape.area === 'geometry' ? [boxes] : boxes.map((box) => [box]);
  return groups.map((group) => ({ ...common, intersects: boxesToGeometry(group) }));
}
