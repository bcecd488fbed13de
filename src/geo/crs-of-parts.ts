import type { NamedCrs } from './crs.ts';
import { unreadableCrs } from './crs-problem.ts';
import { datumString, isNearWgs84, type DatumParts } from './datums.ts';
import { isPseudoMercator, isSpherical, projectionString, type ProjectionParts } from './projection-methods.ts';

/** What all descriptions of a CRS come down to, its axes x = east, y = north. */
export interface CrsParts {
  readonly datum: DatumParts;
  /** Null for longitudes and latitudes. */
  readonly projection: ProjectionParts | null;
  /** Of the coordinates: metres of a projected CRS, degrees of a geographic one. */
  readonly unit: number;
}

/** Semi-major axis of Bessel 1841, for which proj4 computes every Krovak. */
const BESSEL = 6_377_397.155;

/**
 * The CRS of its parts: EPSG:4326 or 3857 where it amounts to one of these, else a proj string.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` for a datum, a projection, a parameter or a unit that is not read
 */
export function crsOfParts({ datum, projection, unit }: CrsParts): NamedCrs {
  if (projection === null) {
    if (unit !== 1) throw unreadableCrs('its unit is not the degree');
    if (isNearWgs84(datum)) return { kind: 'epsg', code: 4326 };
    return { kind: 'proj', definition: `+proj=longlat ${datumString(datum)} +no_defs` };
  }
  const { method } = projection;
  if (isPseudoMercator(method)) return pseudoMercator(datum, projection, unit);
  const figure = datum.ellipsoid;
  if (isSpherical(method) && figure?.inverseFlattening !== 0) {
    throw unreadableCrs(`its projection '${method.slice(0, 80)}' is read on a sphere only, and it is on an ellipsoid`);
  }
  if (/krovak/iu.test(method) && figure !== null && Math.abs(figure.semiMajor - BESSEL) > 1) {
    throw unreadableCrs("its Krovak projection is not on Bessel's ellipsoid");
  }
  const definition = `${projectionString(projection)} ${datumString(datum)} +to_meter=${unit} +no_defs`;
  return { kind: 'proj', definition };
}

function pseudoMercator(datum: DatumParts, { parameters }: ProjectionParts, unit: number): NamedCrs {
  const isPlain = [...parameters].every(([name, value]) => value === 0 || (name === 'scale' && value === 1));
  if (isPlain && unit === 1 && isNearWgs84(datum)) return { kind: 'epsg', code: 3857 };
  throw unreadableCrs('it is a Pseudo-Mercator other than EPSG:3857');
}
