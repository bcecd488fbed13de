import type { NamedCrs } from '../geo/crs.ts';
import { crsOfParts } from '../geo/crs-of-parts.ts';
import { unreadableCrs } from '../geo/crs-problem.ts';
import type { DatumParts, Ellipsoid } from '../geo/datums.ts';
import { parseCrs } from '../geo/parse-crs.ts';
import type { ParameterName } from '../geo/projection-methods.ts';

/** GeoKeys by name, as OGC 19-008r4 calls them. */
export type GeoKeys = Readonly<Record<string, unknown>>;

/** GeoTIFF's "user-defined": other keys describe what this one would name. */
export const USER_DEFINED = 32767;

/** Metres in a unit of length, by EPSG code: metre, international foot, US survey foot, nautical mile, kilometre. */
const METRES: Readonly<Record<number, number>> = { 9001: 1, 9002: 0.3048, 9003: 1200 / 3937, 9030: 1852, 9036: 1000 };

/** Degrees in a unit of angle, by EPSG code: radian, degree, grad, gon. */
const DEGREES: Readonly<Record<number, number>> = { 9101: 180 / Math.PI, 9102: 1, 9105: 0.9, 9106: 0.9 };

/** Semi-major axis and inverse flattening, by EPSG code. */
const ELLIPSOIDS: Readonly<Record<number, readonly [number, number]>> = {
  7001: [6_377_563.396, 299.3249646],
  7002: [6_377_340.189, 299.3249646],
  7003: [6_378_160, 298.25],
  7004: [6_377_397.155, 299.1528128],
  7008: [6_378_206.4, 294.978698213898],
  7011: [6_378_249.2, 293.466021293627],
  7012: [6_378_249.145, 293.465],
  7019: [6_378_137, 298.257222101],
  7022: [6_378_388, 297],
  7024: [6_378_245, 298.3],
  7030: [6_378_137, 298.257223563],
  7036: [6_378_160, 298.247167427],
  7043: [6_378_135, 298.26],
  7048: [6_371_007, 0],
};

/** Degrees east of Greenwich, by EPSG code, of the meridians that are still in use. */
const MERIDIANS: Readonly<Record<number, number>> = {
  8901: 0,
  8902: -9.131906111111,
  8903: 2.33722917,
  8904: -74.080916666667,
  8905: -3.687375,
  8906: 12.452333333333,
  8907: 7.439583333333,
  8908: 106.807719444444,
  8909: -17.666666666667,
  8910: 4.367975,
  8911: 18.058277777778,
  8912: 23.7163375,
  8913: 10.722916666667,
};

/** The coordinate transformation codes of the GeoTIFF standard, annex C (CT_*), and one that GDAL has added. */
const METHODS: Readonly<Record<number, string>> = {
  1: 'Transverse Mercator',
  3: 'Hotine Oblique Mercator (variant A)',
  7: 'Mercator',
  8: 'Lambert Conic Conformal (2SP)',
  9: 'Lambert Conic Conformal (1SP)',
  10: 'Lambert Azimuthal Equal Area',
  11: 'Albers Equal Area',
  12: 'Azimuthal Equidistant',
  13: 'Equidistant Conic',
  14: 'Stereographic',
  // Here too the parallel of true scale is called the origin.
  15: 'Polar_Stereographic',
  16: 'Oblique Stereographic',
  17: 'Equirectangular',
  18: 'Cassini-Soldner',
  22: 'American Polyconic',
  24: 'Sinusoidal',
  26: 'New Zealand Map Grid',
  28: 'Lambert Cylindrical Equal Area',
  9815: 'Hotine Oblique Mercator (variant B)',
};

/** Keys of angles and scales; where several are there, the first counts. */
const PARAMETERS: readonly (readonly [key: string, name: ParameterName])[] = [
  ['ProjStraightVertPoleLongGeoKey', 'lon0'],
  ['ProjNatOriginLongGeoKey', 'lon0'],
  ['ProjFalseOriginLongGeoKey', 'lon0'],
  ['ProjCenterLongGeoKey', 'lon0'],
  ['ProjNatOriginLatGeoKey', 'lat0'],
  ['ProjFalseOriginLatGeoKey', 'lat0'],
  ['ProjCenterLatGeoKey', 'lat0'],
  ['ProjStdParallel1GeoKey', 'parallel1'],
  ['ProjStdParallel2GeoKey', 'parallel2'],
  ['ProjAzimuthAngleGeoKey', 'azimuth'],
  ['ProjRectifiedGridAngleGeoKey', 'rectified'],
  ['ProjScaleAtNatOriginGeoKey', 'scale'],
  ['ProjScaleAtCenterGeoKey', 'scale'],
  ['ProjFalseEastingGeoKey', 'x0'],
  ['ProjFalseOriginEastingGeoKey', 'x0'],
  ['ProjCenterEastingGeoKey', 'x0'],
  ['ProjFalseNorthingGeoKey', 'y0'],
  ['ProjFalseOriginNorthingGeoKey', 'y0'],
  ['ProjCenterNorthingGeoKey', 'y0'],
];

/** Keys of which a file that has none names no CRS. */
const NAMING_KEYS = [
  'ProjectedCSTypeGeoKey',
  'GeographicTypeGeoKey',
  'ProjectionGeoKey',
  'ProjCoordTransGeoKey',
  'GeogGeodeticDatumGeoKey',
  'GeogEllipsoidGeoKey',
  'GeogSemiMajorAxisGeoKey',
];

/** True if the keys say anything about the CRS. */
export function namesCrs(keys: GeoKeys): boolean {
  return esriString(keys) !== null || NAMING_KEYS.some((key) => (numberOf(keys, key) ?? 0) !== 0);
}

/**
 * The CRS of user-defined GeoKeys: datum, units, prime meridian and the usual projections, as GDAL reads them. GDAL's
 * copy of Esri's WKT counts where it is there.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` if something in them is not read, since a guessed CRS would put the pixels in a
 * wrong place
 */
export function crsFromGeoKeys(keys: GeoKeys): NamedCrs {
  const esri = esriString(keys);
  if (esri !== null) return parseCrs(esri);
  const degrees = unitOf(keys, DEGREES, 'GeogAngularUnitsGeoKey', 'GeogAngularUnitSizeGeoKey', 180 / Math.PI);
  const datum = datumOf(keys, degrees);
  if (keys['GTModelTypeGeoKey'] === 2) return crsOfParts({ datum, projection: null, unit: degrees });
  const metres = unitOf(keys, METRES, 'ProjLinearUnitsGeoKey', 'ProjLinearUnitSizeGeoKey', 1);
  const zone = utmParameters(numberOf(keys, 'ProjectionGeoKey'));
  if (zone !== null) return crsOfParts({ datum, projection: { method: METHODS[1]!, parameters: zone }, unit: metres });
  const code = numberOf(keys, 'ProjCoordTransGeoKey');
  const method = METHODS[code ?? 0];
  if (method === undefined) throw unreadableCrs(`its projection is number ${code} of GeoTIFF's, which is not read`);
  return crsOfParts({ datum, projection: { method, parameters: parametersOf(keys, degrees, metres) }, unit: metres });
}

function parametersOf(keys: GeoKeys, degrees: number, metres: number): ReadonlyMap<ParameterName, number> {
  const parameters = new Map<ParameterName, number>();
  for (const [key, name] of PARAMETERS) {
    const value = numberOf(keys, key);
    if (value === null || parameters.has(name)) continue;
    if (name === 'scale') parameters.set(name, value === 0 ? 1 : value);
    else parameters.set(name, value * (name === 'x0' || name === 'y0' ? metres : degrees));
  }
  return parameters;
}

/** EPSG conversions 16001 to 16060 and 16101 to 16160 are the UTM zones. */
function utmParameters(projection: number | null): ReadonlyMap<ParameterName, number> | null {
  const zone = (projection ?? 0) % 100;
  const series = Math.floor((projection ?? 0) / 100);
  if (zone < 1 || zone > 60 || (series !== 160 && series !== 161)) return null;
  return new Map<ParameterName, number>([
    ['lon0', zone * 6 - 183],
    ['scale', 0.9996],
    ['x0', 500_000],
    ['y0', series === 161 ? 10_000_000 : 0],
  ]);
}

function datumOf(keys: GeoKeys, degrees: number): DatumParts {
  const geographic = numberOf(keys, 'GeographicTypeGeoKey');
  const frame = numberOf(keys, 'GeogGeodeticDatumGeoKey') ?? 0;
  // Datums 6001 to 6999 have the codes of their geographic systems and 2000 more.
  const ofFrame = frame >= 6120 && frame <= 6999 ? frame - 2000 : null;
  const meridian = numberOf(keys, 'GeogPrimeMeridianLongGeoKey');
  const shift = keys['GeogTOWGS84GeoKey'];
  const numbers = ArrayBuffer.isView(shift) || Array.isArray(shift) ? Array.from(shift as ArrayLike<number>) : null;
  return {
    code: geographic !== null && geographic > 0 && geographic < USER_DEFINED ? geographic : ofFrame,
    projectedCode: null,
    names: namesOf(keys),
    ellipsoid: ellipsoidOf(keys),
    primeMeridian:
      meridian === null ? (MERIDIANS[numberOf(keys, 'GeogPrimeMeridianGeoKey') ?? 0] ?? null) : meridian * degrees,
    toWgs84: numbers !== null && (numbers.length === 3 || numbers.length === 7) ? numbers : null,
  };
}

/** GDAL and Esri write `GCS Name = …|Datum = …|Ellipsoid = …|`, others the name alone. */
function namesOf(keys: GeoKeys): readonly string[] {
  const citation = keys['GeogCitationGeoKey'];
  if (typeof citation !== 'string') return [];
  const parts = citation.slice(0, 1024).split('|');
  const named = parts.flatMap((part) => /^\s*(?:GCS Name|Datum)\s*=\s*(.*)$/u.exec(part)?.[1] ?? []);
  return named.length > 0 ? named.toReversed() : [parts[0] ?? ''];
}

function ellipsoidOf(keys: GeoKeys): Ellipsoid | null {
  const unit = unitOf(keys, METRES, 'GeogLinearUnitsGeoKey', 'GeogLinearUnitSizeGeoKey', 1);
  const a = numberOf(keys, 'GeogSemiMajorAxisGeoKey');
  const b = numberOf(keys, 'GeogSemiMinorAxisGeoKey');
  const inverse = numberOf(keys, 'GeogInvFlatteningGeoKey');
  if (a !== null && inverse !== null) return { semiMajor: a * unit, inverseFlattening: inverse };
  if (a !== null && b !== null) return { semiMajor: a * unit, inverseFlattening: a === b ? 0 : a / (a - b) };
  const known = ELLIPSOIDS[numberOf(keys, 'GeogEllipsoidGeoKey') ?? 0];
  return known === undefined ? null : { semiMajor: known[0], inverseFlattening: known[1] };
}

function unitOf(
  keys: GeoKeys,
  known: Readonly<Record<number, number>>,
  codeKey: string,
  sizeKey: string,
  factor: number,
): number {
  const code = numberOf(keys, codeKey);
  const size = numberOf(keys, sizeKey);
  const unit = (code === null ? undefined : known[code]) ?? (size === null ? undefined : size * factor);
  if (unit === undefined && code === null) return 1;
  if (unit !== undefined && unit > 0) return unit;
  throw unreadableCrs(`its ${codeKey} is ${code}, a unit that is not read`);
}

/** Esri's projection engine string, which GDAL keeps where the other keys cannot say it. */
export function esriString(keys: GeoKeys): string | null {
  for (const key of ['PCSCitationGeoKey', 'GTCitationGeoKey', 'GeogCitationGeoKey']) {
    const text = keys[key];
    const found = typeof text === 'string' ? /^ESRI PE String = (.*)$/su.exec(text)?.[1] : undefined;
    if (found !== undefined) return found;
  }
  return null;
}

function numberOf(keys: GeoKeys, name: string): number | null {
  const value = keys[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
