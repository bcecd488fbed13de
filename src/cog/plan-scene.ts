import type { Affine } from '../geo/affine.ts';
import type { Bounds } from '../geo/bbox.ts';
import {
  boundsOfPoints,
  isGeographic,
  type Transformer,
  transformerBetween,
  WEB_MERCATOR,
  WEB_MERCATOR_HALF,
} from '../geo/crs.ts';
import type { Cog } from './cog.ts';

/** What a plan needs to know of a COG: everything but its pixels. An open `Cog` is one. */
export type CogGeometry = Pick<Cog, 'label' | 'crs' | 'transform' | 'levels'>;

/** What planning works out once per scene. */
export interface SceneGeometry {
  /** The same for all COGs of one CRS, transform and size of levels, and for no others. */
  readonly key: string;
  readonly fromMercator: Transformer;
  readonly geographic: boolean;
  /** EPSG:3857 to full-size pixels: the inverse of the file's transform. */
  readonly toPixel: Affine;
  /** True if columns depend on x alone and rows on y alone. */
  readonly separable: boolean;
  /**
   * The box in EPSG:3857 that the scene can touch, unwrapped: it may lie beyond ±180°, then it is met again a world
   * away. `null` if the outline does not bound the scene (a pole inside, or points without an image).
   */
  readonly bounds: Bounds | null;
}

const WORLD = 2 * WEB_MERCATOR_HALF;

/** Latitudes nearer to a pole have no place in EPSG:3857's square; beyond them the outline would run to infinity. */
const MAX_LATITUDE = 89.5;

/** Points along each edge of the outline. What the curve between them bulges out is added as a margin. */
const OUTLINE_POINTS = 64;

const scenes = new WeakMap<CogGeometry, SceneGeometry>();

/** Geometries shared by several COGs, as the bands of one scene have them: the latest ones, by their key. */
const shared = new Map<string, SceneGeometry>();
const MAX_SHARED = 256;

/**
 * The geometry of a scene, worked out once per `cog` object, and once for neighbours in time that lie on the same grid.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` if the CRS is not known
 */
export function sceneGeometry(cog: CogGeometry): SceneGeometry {
  let scene = scenes.get(cog);
  if (scene === undefined) {
    const key = keyOf(cog);
    scene = shared.get(key) ?? createSceneGeometry(cog, key);
    if (shared.size >= MAX_SHARED) shared.clear();
    shared.set(key, scene);
    scenes.set(cog, scene);
  }
  return scene;
}

function keyOf({ crs, transform, levels }: CogGeometry): string {
  return JSON.stringify([crs, transform, levels.map(({ width, height }) => [width, height])]);
}

function createSceneGeometry(cog: CogGeometry, key: string): SceneGeometry {
  const fromMercator = transformerBetween(WEB_MERCATOR, cog.crs);
  const geographic = isGeographic(cog.crs);
  const [, b, , d] = cog.transform;
  const scene = {
    key,
    fromMercator,
    geographic,
    toPixel: invertTransform(cog),
    separable: fromMercator.separable && b === 0 && d === 0,
  };
  return { ...scene, bounds: outlineBounds(cog, scene) };
}

function invertTransform(cog: CogGeometry): Affine {
  const [a, b, c, d, e, f] = cog.transform;
  const determinant = a * e - b * d;
  return [
    e / determinant,
    -b / determinant,
    (b * f - c * e) / determinant,
    -d / determinant,
    a / determinant,
    (c * d - a * f) / determinant,
  ];
}

function outlineBounds(cog: CogGeometry, scene: Omit<SceneGeometry, 'bounds'>): Bounds | null {
  const { xs, ys } = outline(cog);
  if (scene.geographic) ys.forEach((y, i) => (ys[i] = Math.min(Math.max(y, -MAX_LATITUDE), MAX_LATITUDE)));
  transformerBetween(cog.crs, WEB_MERCATOR).transform(xs, ys);
  if (xs.some(Number.isNaN) || (!scene.geographic && !unwrap(xs))) return null;
  if (!scene.geographic && holdsPole(cog, scene)) return null;
  const bounds = boundsOfPoints(xs, ys);
  if (bounds === null) return null;
  const margin = bulge(xs, ys);
  const [minX, minY, maxX, maxY] = bounds;
  return [minX - margin, minY - margin, maxX + margin, maxY + margin];
}

/** Points around the scene in its own CRS, edge after edge; the first point is not repeated at the end. */
function outline(cog: CogGeometry): { readonly xs: Float64Array; readonly ys: Float64Array } {
  const { width, height } = cog.levels[0]!;
  const [a, b, c, d, e, f] = cog.transform;
  const n = OUTLINE_POINTS;
  const xs = new Float64Array(n * 4);
  const ys = new Float64Array(n * 4);
  for (let i = 0; i < n * 4; i++) {
    const t = (i % n) / n;
    const edge = Math.floor(i / n);
    const col = edge === 0 ? t * width : edge === 1 ? width : edge === 2 ? (1 - t) * width : 0;
    const row = edge === 0 ? 0 : edge === 1 ? t * height : edge === 2 ? height : (1 - t) * height;
    xs[i] = a * col + b * row + c;
    ys[i] = d * col + e * row + f;
  }
  return { xs, ys };
}

/** Makes longitudes continuous along a ring; false if the ring goes around a pole. The first point stays. */
function unwrap(xs: Float64Array): boolean {
  const first = xs[0]!;
  for (let i = 1; i < xs.length; i++) xs[i] = xs[i]! - WORLD * Math.round((xs[i]! - xs[i - 1]!) / WORLD);
  return Math.abs(first - xs.at(-1)!) < WEB_MERCATOR_HALF;
}

/** True if a pole lies inside the scene. Its outline then goes around the whole world, or its image is not bounded by it. */
function holdsPole(cog: CogGeometry, scene: Omit<SceneGeometry, 'bounds'>): boolean {
  const { width, height } = cog.levels[0]!;
  const limit = WEB_MERCATOR_HALF * 3;
  const xs = new Float64Array([0, 0]);
  const ys = new Float64Array([limit, -limit]);
  projectToPixels(scene, xs, ys, 1, 1, 0);
  return [0, 1].some((i) => xs[i]! > 0 && xs[i]! < width && ys[i]! > 0 && ys[i]! < height);
}

/** The farthest that a point of the ring lies from the middle of its neighbours: more than any arc bulges out. */
function bulge(xs: Float64Array, ys: Float64Array): number {
  const n = xs.length;
  let farthest = 0;
  for (let i = 0; i < n; i++) {
    // Corners are no arcs.
    if (i % OUTLINE_POINTS === 0) continue;
    const j = (i + 1) % n;
    farthest = Math.max(
      farthest,
      Math.abs(xs[i]! - (xs[i - 1]! + xs[j]!) / 2),
      Math.abs(ys[i]! - (ys[i - 1]! + ys[j]!) / 2),
    );
  }
  return farthest;
}

/**
 * Takes EPSG:3857 points, shifted by `shift` metres, to pixels of a level that is `scaleX`, `scaleY` times the full size;
 * in place.
 */
export function projectToPixels(
  scene: Pick<SceneGeometry, 'fromMercator' | 'toPixel'>,
  xs: Float64Array,
  ys: Float64Array,
  scaleX: number,
  scaleY: number,
  shift: number,
): void {
  const [a, b, c, d, e, f] = scene.toPixel;
  if (shift !== 0) for (let i = 0; i < xs.length; i++) xs[i] = xs[i]! + shift;
  scene.fromMercator.transform(xs, ys);
  for (let i = 0; i < xs.length; i++) {
    const x = xs[i]!;
    const y = ys[i]!;
    xs[i] = (a * x + b * y + c) * scaleX;
    ys[i] = (d * x + e * y + f) * scaleY;
  }
}
