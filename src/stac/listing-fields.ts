import type { SortKey } from './order.ts';

/** What of an item is read besides its properties and assets. */
const WHOLE = ['id', 'type', 'collection', 'geometry', 'bbox', 'links'];

/** What of an item's properties is read, besides what it is ordered by. Of the projection extension all that names a CRS. */
const PROPERTIES = [
  'datetime',
  'start_datetime',
  'end_datetime',
  'updated',
  'created',
  'proj:code',
  'proj:epsg',
  'proj:wkt2',
  'proj:projjson',
  'earthsearch:boa_offset_applied',
];

/**
 * The `fields` of a search that asks for no more of each item than a scene is made of: `itemToScene` gives the same for the
 * thinned-out items of a server that follows the extension.
 *
 * @see STAC API fields extension 1.0.0
 */
export function listingFields(
  assets: readonly string[],
  sortby: readonly SortKey[],
): Readonly<Record<string, unknown>> {
  const include = new Set([
    ...WHOLE,
    ...PROPERTIES.map((name) => `properties.${name}`),
    ...sortby.map(({ field }) => field),
    ...assets.map((key) => `assets.${key}`),
  ]);
  return { fields: { include: [...include], exclude: [] } };
}
