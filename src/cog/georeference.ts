import type { ImageFileDirectory } from 'geotiff';
import { isTilerError, TilerError } from '../errors.ts';
import type { Affine } from '../geo/affine.ts';
import { fitControlPoints, type ControlPoint } from '../geo/control-points.ts';
import { isGeographic, type NamedCrs } from '../geo/crs.ts';
import { isDegreesCode } from '../geo/epsg.ts';
import { isKnownCode } from '../geo/proj-string.ts';
import type { StatedCrs } from '../geo/stated-crs.ts';
import type { CogCrs } from './cog.ts';
import { fromGeotiffError, numberOf, numbersOf } from './parse-directories.ts';
import { crsFromGeoKeys, esriString, namesCrs, USER_DEFINED, type GeoKeys } from './proj-from-geo-keys.ts';

/** What to take where a file does not say where it lies, or in a way that is not understood. */
export interface AssumedPlace {
  readonly crs?: CogCrs;
  readonly transform?: Affine;
  /** The CRS of a file that names none, or none that is known; `crs` comes first, and so does what the file says. */
  readonly fallbackCrs?: StatedCrs | undefined;
}

/**
 * Reads where an image lies from the tags of its first directory.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` (no place, control points that determine none, a CRS that cannot be told),
 * `ASSET_CORRUPT`
 */
export function georeferenceOf(
  directory: ImageFileDirectory,
  label: string,
  assumed: AssumedPlace,
): { readonly crs: CogCrs; readonly transform: Affine } {
  const keys = geoKeysOf(directory, label);
  const isPoint = keys['GTRasterTypeGeoKey'] === 2;
  const crs = assumed.crs ?? crsOf(keys, label, assumed.fallbackCrs);
  if (assumed.transform !== undefined) return { crs, transform: assumed.transform };
  const points = controlPointsOf(directory, isPoint);
  if (points !== null) {
    refuseFar(points, crs, label);
    return fittedPlace(points, crs, label);
  }
  const transform = transformOf(directory, label, isPoint);
  refuseFar(cornersOf(directory, transform), crs, label);
  return { crs, transform };
}

/** Three times around the world. An image that reaches further is damaged, and would lie in a tile any number of times. */
const MAX_DEGREES = 1080;
/** As much in feet, and more than any false easting. */
const MAX_UNITS = 1e9;

function refuseFar(points: readonly { readonly x: number; readonly y: number }[], crs: CogCrs, label: string): void {
  const limit = crs.kind === 'epsg' && isDegreesCode(crs.code) ? MAX_DEGREES : MAX_UNITS;
  const far = points.find(({ x, y }) => !(Math.abs(x) <= limit && Math.abs(y) <= limit));
  if (far === undefined) return;
  const found = `it reaches to ${far.x}, ${far.y} in its CRS; believed are coordinates up to ${limit}`;
  throw new TilerError('ASSET_CORRUPT', `Opening ${label}: ${found}`, { context: { href: label } });
}

function cornersOf(directory: ImageFileDirectory, [a, b, c, d, e, f]: Affine) {
  const [width, height] = [numberOf(directory, 256, 0), numberOf(directory, 257, 0)];
  return [0, width].flatMap((col) =>
    [0, height].map((row) => ({ x: a * col + b * row + c, y: d * col + e * row + f })),
  );
}

function geoKeysOf(directory: ImageFileDirectory, label: string): GeoKeys {
  try {
    return directory.parseGeoKeyDirectory() ?? {};
  } catch (error) {
    throw fromGeotiffError(error, label);
  }
}

/** As GDAL does it: pixel scale and first tiepoint, else the matrix; the second scale always points down. */
function transformOf(directory: ImageFileDirectory, label: string, isPoint: boolean): Affine {
  const scale = numbersOf(directory, 33550);
  const tiepoints = numbersOf(directory, 33922);
  const matrix = numbersOf(directory, 34264);
  let transform: Affine;
  if (scale !== null && scale.length >= 2 && scale[0] !== 0 && scale[1] !== 0 && (tiepoints?.length ?? 0) >= 6) {
    const a = scale[0]!;
    const e = -Math.abs(scale[1]!);
    const [col = 0, row = 0, , x = 0, y = 0] = Array.from(tiepoints!);
    transform = [a, 0, x - col * a, 0, e, y - row * e];
  } else if (matrix !== null && matrix.length >= 8) {
    transform = [matrix[0]!, matrix[1]!, matrix[3]!, matrix[4]!, matrix[5]!, matrix[7]!];
  } else {
    throw unsupported(
      label,
      'it does not say where it lies (no ModelPixelScale and ModelTiepoint, no ModelTransformation)',
    );
  }
  const [a, b, c, d, e, f] = transform;
  if (!transform.every(Number.isFinite) || a * e - b * d === 0) {
    throw new TilerError(
      'ASSET_CORRUPT',
      `Opening ${label}: its transform is [${transform.join(', ')}], which has no inverse`,
      {
        context: { href: label },
      },
    );
  }
  return isPoint ? [a, b, c - (a + b) / 2, d, e, f - (d + e) / 2] : transform;
}

/** More points than this are no control points but a grid; fitting would take long, and a polynomial would not do. */
const MAX_CONTROL_POINTS = 10_000;

/** The tiepoints of a file that has neither pixel scale nor matrix, and more than one of them; else null. */
function controlPointsOf(directory: ImageFileDirectory, isPoint: boolean): readonly ControlPoint[] | null {
  const tiepoints = numbersOf(directory, 33922);
  const isPlaced = numbersOf(directory, 33550) !== null || (numbersOf(directory, 34264)?.length ?? 0) >= 8;
  if (isPlaced || tiepoints === null || tiepoints.length < 12) return null;
  const shift = isPoint ? 0.5 : 0;
  return Array.from({ length: Math.floor(tiepoints.length / 6) }, (_, n) => {
    const [col = 0, row = 0, , x = 0, y = 0] = Array.from({ length: 5 }, (__, k) => tiepoints[n * 6 + k]!);
    return { col: col + shift, row: row + shift, x, y };
  });
}

/** The pixels themselves are the image's coordinates; its CRS takes them to the ground by what fits the points best. */
function fittedPlace(points: readonly ControlPoint[], base: CogCrs, label: string) {
  const isFew = points.length <= MAX_CONTROL_POINTS;
  const fit =
    isFew && base.kind !== 'fitted' ? fitControlPoints(isGeographic(base) ? unwrapped(points) : points) : null;
  if (fit === null || base.kind === 'fitted') {
    throw unsupported(
      label,
      `it is placed by ${points.length} ground control points that determine no transform; warp it to a grid first`,
    );
  }
  const transform: Affine = [1, 0, 0, 0, 1, 0];
  return { crs: { kind: 'fitted', base, fit } as const, transform };
}

/** Points on both sides of the antimeridian, and all near it, go on beyond 180°, as GDAL takes them. */
function unwrapped(points: readonly ControlPoint[]): readonly ControlPoint[] {
  const crosses = points.every(({ x }) => Math.abs(x) >= 170) && points.some(({ x }) => x > 0);
  return crosses ? points.map((point) => (point.x < 0 ? { ...point, x: point.x + 360 } : point)) : points;
}

/** How to help a file that does not say it in a way that is read. */
const REMEDY =
  'Supply it as "crs" in the request (a code such as "EPSG:32633", WKT, PROJJSON or a proj string), or by proj:code, ' +
  'proj:wkt2 or proj:projjson of the item';

function crsOf(keys: GeoKeys, label: string, fallback: StatedCrs | undefined): NamedCrs {
  const own = ownCrs(keys, label);
  if (typeof own !== 'string' && !(own.kind === 'epsg' && fallback !== undefined && !isKnownCode(own.code))) return own;
  if (fallback !== undefined && fallback.kind !== 'unreadable') return fallback;
  if (typeof own !== 'string') return own;
  const elsewhere = fallback === undefined ? '' : ` What its item says is not read either: ${fallback.problem}.`;
  throw unsupported(label, `${own}.${elsewhere} ${REMEDY}`);
}

/** The CRS that the keys state, or why there is none. */
function ownCrs(keys: GeoKeys, label: string): NamedCrs | string {
  const model = keys['GTModelTypeGeoKey'];
  const projected = numberIn(keys, 'ProjectedCSTypeGeoKey');
  const geographic = numberIn(keys, 'GeographicTypeGeoKey');
  if (model === 3) throw unsupported(label, 'its CRS is geocentric');
  if (model !== 2 && isCode(projected)) return { kind: 'epsg', code: projected };
  if (model !== 1 && isCode(geographic) && esriString(keys) === null) return { kind: 'epsg', code: geographic };
  const utm = utmCode(numberIn(keys, 'ProjectionGeoKey'), geographic);
  if (utm !== null) return { kind: 'epsg', code: utm };
  if (!namesCrs(keys)) return 'it does not name its CRS';
  try {
    return crsFromGeoKeys(keys);
  } catch (error) {
    if (!isTilerError(error)) throw error;
    return `its CRS is user-defined in a way that is not read (${error.message})`;
  }
}

/** EPSG conversions 16001 to 16060 and 16101 to 16160 are the UTM zones; with WGS 84 they have codes of their own. */
function utmCode(projection: number | null, geographic: number | null): number | null {
  if (projection === null || geographic !== 4326) return null;
  const zone = projection % 100;
  if (zone < 1 || zone > 60) return null;
  const series = Math.floor(projection / 100);
  return series === 160 ? 32600 + zone : series === 161 ? 32700 + zone : null;
}

function isCode(code: number | null): code is number {
  return code !== null && code >= 1024 && code < USER_DEFINED;
}

function numberIn(keys: GeoKeys, name: string): number | null {
  const value = keys[name];
  return typeof value === 'number' ? value : null;
}

function unsupported(label: string, found: string): TilerError {
  return new TilerError('ASSET_UNSUPPORTED', `Opening ${label}: ${found}`, { context: { href: label } });
}
