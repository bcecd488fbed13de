import type { ImageFileDirectory } from 'geotiff';
import { TilerError } from '../errors.ts';
import type { Affine } from '../geo/affine.ts';
import type { CogCrs } from './cog.ts';
import { fromGeotiffError, numbersOf } from './parse-directories.ts';
import { projFromGeoKeys, type GeoKeys } from './proj-from-geo-keys.ts';

/** What to take where a file does not say where it lies, or in a way that is not understood. */
export interface AssumedPlace {
  readonly crs?: CogCrs;
  readonly transform?: Affine;
}

/** GeoTIFF's "user-defined": the keys describe the system instead of naming it. */
const USER_DEFINED = 32767;

/**
 * Reads where an image lies from the tags of its first directory.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` (no place, ground control points only, a CRS that cannot be told),
 * `ASSET_CORRUPT`
 */
export function georeferenceOf(
  directory: ImageFileDirectory,
  label: string,
  assumed: AssumedPlace,
): { readonly crs: CogCrs; readonly transform: Affine } {
  const keys = geoKeysOf(directory, label);
  const isPoint = keys['GTRasterTypeGeoKey'] === 2;
  return {
    transform: assumed.transform ?? transformOf(directory, label, isPoint),
    crs: assumed.crs ?? crsOf(keys, label),
  };
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
  } else if ((tiepoints?.length ?? 0) > 6) {
    throw unsupported(
      label,
      `it is placed by ${tiepoints!.length / 6} ground control points only; warp it to a grid first`,
    );
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

function crsOf(keys: GeoKeys, label: string): CogCrs {
  const model = keys['GTModelTypeGeoKey'];
  const projected = numberIn(keys, 'ProjectedCSTypeGeoKey');
  const geographic = numberIn(keys, 'GeographicTypeGeoKey');
  if (model === 3) throw unsupported(label, 'its CRS is geocentric');
  if (model !== 2 && isCode(projected)) return { kind: 'epsg', code: projected };
  if (model !== 1 && isCode(geographic)) return { kind: 'epsg', code: geographic };
  const utm = utmCode(numberIn(keys, 'ProjectionGeoKey'), geographic);
  if (utm !== null) return { kind: 'epsg', code: utm };
  const definition = projFromGeoKeys(keys);
  if (definition !== null) return { kind: 'proj', definition };
  const found =
    Object.keys(keys).length === 0 ? 'it does not name its CRS' : 'its CRS is user-defined in a way that is not read';
  throw unsupported(label, `${found}; expected an EPSG code in its GeoKeys`);
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
