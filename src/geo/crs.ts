import type proj4 from 'proj4';
import { TilerError } from '../errors.ts';
import { loadLater } from '../load-later.ts';
import type { Bounds } from './bbox.ts';
import { groundToPixels, pixelsToGround, type ControlPointFit } from './control-points.ts';
import { isDegreesCode, isWebMercatorCode, projDefinition } from './epsg.ts';
import { createMercatorToUtm, utmZoneOf } from './transverse-mercator.ts';

/** A coordinate reference system that has a name or a definition. Axis order is always x (east), y (north). */
export type NamedCrs =
  | { readonly kind: 'epsg'; readonly code: number }
  | { readonly kind: 'proj'; readonly definition: string };

/** The pixels of one image, which control points in a named system place: x is the column, y the row. */
interface FittedCrs {
  readonly kind: 'fitted';
  readonly base: NamedCrs;
  readonly fit: ControlPointFit;
}

/** A coordinate reference system: an EPSG code, a proj string, or the pixels of an image with control points. */
export type Crs = NamedCrs | FittedCrs;

/** Longitude and latitude in degrees, in this order. */
export const CRS84: Crs = { kind: 'epsg', code: 4326 };

/** Spherical Web Mercator, metres. */
export const WEB_MERCATOR: Crs = { kind: 'epsg', code: 3857 };

/** Half the width of the world in EPSG:3857: π · 6378137 m. */
export const WEB_MERCATOR_HALF = 20037508.342789244;

const RADIUS = 6378137;
const METRES_PER_DEGREE = WEB_MERCATOR_HALF / 180;
const RADIANS = Math.PI / 180;

/** Takes points from one CRS to another. */
export interface Transformer {
  /** True if x depends on x alone and y on y alone, so that a raster can be mapped by its columns and rows. */
  readonly separable: boolean;
  /**
   * Transforms points in place. A point that has no image becomes (NaN, NaN). Longitudes are not wrapped: a Web Mercator
   * x beyond ±180° gives a longitude beyond ±180° in a geographic CRS.
   */
  transform(xs: Float64Array, ys: Float64Array): void;
}

/** True if coordinates of the CRS are longitudes and latitudes in degrees. */
export function isGeographic(crs: Crs): boolean {
  if (crs.kind === 'fitted') return false;
  return crs.kind === 'epsg' && isDegreesCode(crs.code) ? true : /\+proj=(longlat|latlong)\b/.test(definitionOf(crs));
}

/**
 * A transformer between two CRSs; made once per pair and kept. Pairs of degrees and Web Mercator, and Web Mercator to UTM
 * on a datum like that of WGS 84, are computed directly, all others by proj4. No datum grids are used.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` if a CRS is not known
 */
export function transformerBetween(from: Crs, to: Crs): Transformer {
  const key = `${keyOf(from)} > ${keyOf(to)}`;
  let transformer = transformers.get(key);
  if (transformer === undefined) {
    transformer = createTransformer(from, to);
    if (transformers.size >= MAX_TRANSFORMERS) transformers.clear();
    transformers.set(key, transformer);
  }
  return transformer;
}

/**
 * The smallest box around the image of a box, from `densify` points on each of its edges and a cross through its
 * middle. `null` if no point has an image. Points without one are left out.
 */
export function transformBounds(transformer: Transformer, bounds: Bounds, densify = 21): Bounds | null {
  const [minX, minY, maxX, maxY] = bounds;
  const xs = new Float64Array(densify * 6);
  const ys = new Float64Array(densify * 6);
  for (let i = 0; i < densify; i++) {
    const t = i / (densify - 1);
    const x = minX + (maxX - minX) * t;
    const y = minY + (maxY - minY) * t;
    xs.set([x, x, minX, maxX, x, (minX + maxX) / 2], i * 6);
    ys.set([minY, maxY, y, y, (minY + maxY) / 2, y], i * 6);
  }
  transformer.transform(xs, ys);
  return boundsOfPoints(xs, ys);
}

/** The box around points; points with a NaN are left out; `null` if none remains. */
export function boundsOfPoints(xs: Float64Array, ys: Float64Array): Bounds | null {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < xs.length; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    if (!(Number.isFinite(x) && Number.isFinite(y))) continue;
    minX = Math.min(minX, x);
    maxX = Math.max(maxX, x);
    minY = Math.min(minY, y);
    maxY = Math.max(maxY, y);
  }
  return minX <= maxX ? [minX, minY, maxX, maxY] : null;
}

/** More pairs than this are never in use together; the bound keeps user-defined CRSs from filling the memory. */
const MAX_TRANSFORMERS = 256;
const transformers = new Map<string, Transformer>();

function keyOf(crs: Crs): string {
  if (crs.kind === 'fitted') return `${keyOf(crs.base)} ${JSON.stringify(crs.fit)}`;
  return crs.kind === 'epsg' ? `EPSG:${crs.code}` : crs.definition;
}

function definitionOf(crs: NamedCrs): string {
  if (crs.kind === 'proj') return crs.definition;
  const definition = projDefinition(crs.code);
  if (definition !== null) return definition;
  throw new TilerError(
    'ASSET_UNSUPPORTED',
    `Looking up the CRS EPSG:${crs.code}: no definition is known. Supply one as "crs" in the request (WKT, PROJJSON or a ` +
      'proj string), or bring the file into a known CRS, for example with gdalwarp -t_srs EPSG:3857.',
  );
}

function kindOf(crs: NamedCrs): 'degrees' | 'mercator' | 'other' {
  if (crs.kind === 'proj') return 'other';
  if (isDegreesCode(crs.code)) return 'degrees';
  return isWebMercatorCode(crs.code) ? 'mercator' : 'other';
}

function createTransformer(from: Crs, to: Crs): Transformer {
  if (from.kind === 'fitted' || to.kind === 'fitted') return createFittedTransformer(from, to);
  const pair = `${kindOf(from)} ${kindOf(to)}`;
  if (keyOf(from) === keyOf(to) || pair === 'degrees degrees' || pair === 'mercator mercator') {
    return { separable: true, transform: nothing };
  }
  if (pair === 'degrees mercator') return { separable: true, transform: degreesToMercator };
  if (pair === 'mercator degrees') return { separable: true, transform: mercatorToDegrees };
  const zone = kindOf(from) === 'mercator' && to.kind === 'epsg' ? utmZoneOf(definitionOf(to)) : null;
  if (zone !== null) return { separable: false, transform: createMercatorToUtm(zone) };
  return createProjTransformer(from, to);
}

function nothing(): void {}

function degreesToMercator(xs: Float64Array, ys: Float64Array): void {
  for (let i = 0; i < xs.length; i++) {
    const latitude = ys[i]!;
    // The poles lie at infinity; a hair from them tan() still gives a finite number that means nothing.
    const valid = Math.abs(latitude) < 90 - 1e-9 && Number.isFinite(xs[i]!);
    xs[i] = valid ? xs[i]! * METRES_PER_DEGREE : Number.NaN;
    ys[i] = valid ? RADIUS * Math.log(Math.tan(Math.PI / 4 + (latitude * RADIANS) / 2)) : Number.NaN;
  }
}

function mercatorToDegrees(xs: Float64Array, ys: Float64Array): void {
  for (let i = 0; i < xs.length; i++) {
    const valid = Number.isFinite(xs[i]!) && Number.isFinite(ys[i]!);
    xs[i] = valid ? xs[i]! / METRES_PER_DEGREE : Number.NaN;
    ys[i] = valid ? (2 * Math.atan(Math.exp(ys[i]! / RADIUS)) - Math.PI / 2) / RADIANS : Number.NaN;
  }
}

function createFittedTransformer(from: Crs, to: Crs): Transformer {
  const between = transformerBetween(from.kind === 'fitted' ? from.base : from, to.kind === 'fitted' ? to.base : to);
  return {
    separable: false,
    transform(xs, ys) {
      if (from.kind === 'fitted') pixelsToGround(from.fit, xs, ys);
      between.transform(xs, ys);
      if (to.kind === 'fitted') groundToPixels(to.fit, xs, ys);
    },
  };
}

function createProjTransformer(from: NamedCrs, to: NamedCrs): Transformer {
  const converter = openConverter(from, to);
  // proj4 wraps longitudes to ±180°; a scene across the antimeridian needs them continuous.
  const unwrapsFromMercator = isGeographic(to) && kindOf(from) === 'mercator';
  return {
    separable: false,
    transform(xs, ys) {
      for (let i = 0; i < xs.length; i++) {
        const x = xs[i]!;
        const [u, v] = forward(converter, x, ys[i]!);
        xs[i] = unwrapsFromMercator ? u + 360 * Math.round((x / METRES_PER_DEGREE - u) / 360) : u;
        ys[i] = v;
      }
    },
  };
}

const loadProj4 = loadLater('proj4') as () => typeof proj4;

/** The part of proj4's converter that is used. */
interface Converter {
  forward(point: [number, number], enforceAxis: boolean): readonly (number | undefined)[];
}

const NOWHERE: readonly [number, number] = [Number.NaN, Number.NaN];

function forward(converter: Converter, x: number, y: number): readonly [number, number] {
  if (!(Number.isFinite(x) && Number.isFinite(y))) return NOWHERE;
  try {
    // With its axes enforced, a system of westings and southings has them, as in its files; all others are not touched.
    const [u, v] = converter.forward([x, y], true);
    return u !== undefined && v !== undefined && Number.isFinite(u) && Number.isFinite(v) ? [u, v] : NOWHERE;
  } catch {
    // proj4 throws for points outside a projection's domain: they have no image, which is an answer and no failure.
    return NOWHERE;
  }
}

function openConverter(from: NamedCrs, to: NamedCrs): Converter {
  const [source, target] = [definitionOf(from), definitionOf(to)];
  try {
    return loadProj4()(source, target);
  } catch (cause) {
    throw new TilerError('ASSET_UNSUPPORTED', `Preparing the transformation ${keyOf(from)} to ${keyOf(to)} failed`, {
      cause,
    });
  }
}
