import { statedCrs, type StatedCrs } from '../geo/stated-crs.ts';
import { ownField } from './item.ts';

type Bag = Readonly<Record<string, unknown>>;

/** Fields of the projection extension that name a CRS: version 2, version 1, and the definitions of both. */
const FIELDS = ['proj:code', 'proj:epsg', 'proj:wkt2', 'proj:projjson'];

/**
 * The CRS that an item states for one of its assets, by the projection extension, version 1 or 2; null = none. What the
 * asset states comes before what the item states for all of them, a code before a definition. It is untrusted, and often
 * that of other resolutions or of the original file: good for files that name none themselves.
 */
export function itemCrs(properties: Bag, asset: Bag): StatedCrs | null {
  for (const bag of [asset, properties]) {
    for (const field of FIELDS) {
      // A field of the asset, also one that is null for "no such code", stands for that of the item.
      const value = bag === properties && Object.hasOwn(asset, field) ? undefined : ownField(bag, field);
      if (value !== undefined && value !== null && value !== '') return statedCrs(value);
    }
  }
  return null;
}
