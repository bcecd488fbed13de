import type { Polygon } from 'geojson';
import { boxRing } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { parseSearchPage } from '../../src/stac/item.ts';
import type { StacItem } from '../../src/stac/item.ts';
import type { ServedItem } from './stac-server.ts';

/** The polygon of a box that does not cross the antimeridian. */
export function boxPolygon(bbox: Bbox): Polygon {
  return { type: 'Polygon', coordinates: [boxRing(bbox)] };
}

/** An item whose footprint is a box; `visual` is its asset. */
export function boxItem(id: string, bbox: Bbox, fields: Partial<ServedItem> = {}): ServedItem {
  return {
    type: 'Feature',
    stac_version: '1.0.0',
    id,
    collection: 'scenes',
    geometry: boxPolygon(bbox),
    bbox,
    properties: { datetime: '2024-06-01T00:00:00Z' },
    assets: { visual: { href: `https://files.test/${id}.tif` } },
    links: [],
    ...fields,
  };
}

/** Items of a row of boxes, one degree wide each, from a western edge on. */
export function rowOfItems(count: number, west = 0, south = 0): readonly ServedItem[] {
  return Array.from({ length: count }, (_, i) =>
    boxItem(`item-${String(i).padStart(4, '0')}`, [west + i, south, west + i + 1, south + 1]),
  );
}

/** Items as the client reads them. */
export function readItems(...items: readonly unknown[]): readonly StacItem[] {
  return parseSearchPage({ type: 'FeatureCollection', features: items }, 'a test page').items;
}

/** The only item of a page. */
export function readItem(item: unknown): StacItem {
  const [only] = readItems(item);
  if (only === undefined) throw new Error('a page of one item holds one');
  return only;
}
