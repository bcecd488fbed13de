import type { Bounds } from '../geo/bbox.ts';
import { WEB_MERCATOR_HALF } from '../geo/crs.ts';
import { createGridMapping, type InverseMapping, type Project } from '../raster/inverse-mapping.ts';
import type { Window } from '../raster/raster.ts';
import { isConvolution, type Resampling, type ResampleScale } from '../raster/resample.ts';
import { measureScale, measureSeparableScale } from '../raster/resample-scale.ts';
import { alignedWindows } from './plan-aligned.ts';
import { AxisCache } from './plan-axes.ts';
import { PlanCache } from './plan-cache.ts';
import { boxOfWindow, type Chunk, chunksOfTile } from './plan-chunks.ts';
import { type CogGeometry, projectToPixels, type SceneGeometry, sceneGeometry } from './plan-scene.ts';
import { type ResampledLevel, windowToRead } from './plan-source.ts';
import { selectOverview } from './select-overview.ts';

/** The pixels of one tile: `width × height` of them, square or not, filling `bounds` (EPSG:3857 metres), row 0 north. */
export interface TileGrid {
  readonly bounds: Bounds;
  readonly width: number;
  readonly height: number;
}

/**
 * One rectangle of a tile that the scene can touch and where its pixels come from. `destination` lies in the tile,
 * `source` in the plan's level (all that the kernel reads, clipped to the level); `mapping` takes positions in
 * `destination` (before it was clipped, where nothing is resampled) to pixels of the level.
 */
interface PlanPart {
  readonly destination: Window;
  readonly source: Window;
  /** True if nothing is resampled: `source` is of the size of `destination`, and its pixels are the result. */
  readonly isCopy: boolean;
  readonly mapping: InverseMapping;
  /** Destination pixels per pixel of the level; it sets the width of kernels. */
  readonly scale: ResampleScale;
}

/**
 * How to fill one tile from one scene, as data. Usually one part; one on either side where the scene crosses the
 * antimeridian; several where kernels are widened and the scene covers the tile in part. Parts do not overlap, unless the
 * scene is wider than the world.
 */
export interface ReadPlan extends ResampledLevel {
  readonly level: number;
  readonly parts: readonly PlanPart[];
}

const WORLD = 2 * WEB_MERCATOR_HALF;

/**
 * Up to this width in degrees a whole tile is taken to the source's CRS to choose the level and to measure the scale, as
 * GDAL does. Projections go astray far from their scene, so wider tiles are judged by the part that the scene covers.
 */
const MAX_JUDGED_DEGREES = 12;

/** Chunks matter where kernels are widened, so under 0.5; a chunk's scale may differ from the tile's by this much. */
const CHUNKED_SCALE = 0.6;

/**
 * Where the box around a tile's image is larger than the tile by less than this, bilinear and cubic are not widened,
 * whatever the exact scale: a side of the image is no longer than the box, but for the slant of up to a tenth that is not
 * taken for a turn.
 */
const PLAIN_REDUCTION = 1 / 0.65;

/**
 * Plans which pixels of a COG fill a tile and how, without reading anything. `null` = the scene does not touch the tile.
 *
 * The plan follows from the scene and the grid alone, so a tile is the same whatever it is rendered with. What is known
 * of the scene (its outline in EPSG:3857) is worked out once per `cog` object and remembered, and so are the latest plans:
 * COGs of one geometry, as the bands of a scene have it, get the same object.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` if the CRS is not known
 */
export function planRead(
  cog: CogGeometry,
  grid: TileGrid,
  resampling: Resampling,
  { antialias = false }: { readonly antialias?: boolean | undefined } = {},
): ReadPlan | null {
  const scene = sceneGeometry(cog);
  const key = `${resampling}${antialias ? '+' : ''} ${grid.width}x${grid.height} ${grid.bounds.join(' ')} ${scene.key}`;
  return plans.get(key, () => createPlan(cog, scene, grid, { resampling, antialias }));
}

const plans = new PlanCache();
const axes = new AxisCache();

function createPlan(
  cog: CogGeometry,
  scene: SceneGeometry,
  grid: TileGrid,
  { resampling, antialias }: { readonly resampling: Resampling; readonly antialias: boolean },
): ReadPlan | null {
  const copies = worldCopies(scene, grid);
  const first = copies[0];
  if (first === undefined) return null;
  const [full] = cog.levels;
  const ratio = targetRatio(scene, grid, first);
  const level = selectOverview(cog.levels, ratio === null ? 1 : Math.min(ratio.x, ratio.y));
  const { width: levelWidth, height: levelHeight } = cog.levels[level]!;
  const projector: Projector = { scene, grid, scaleX: levelWidth / full!.width, scaleY: levelHeight / full!.height };
  const frame = { level, levelWidth, levelHeight, resampling };
  const isPlain = !antialias && resampling !== 'lanczos' && isClearlyPlain(projector, ratio);
  const parts = copies.flatMap((copy) => planCopy(projector, frame, copy, { antialias, isPlain }));
  return parts.length === 0 ? null : { ...frame, parts };
}

/** One place where the scene meets the tile: `shift` metres, a multiple of the world's width, lead from tile to scene. */
interface WorldCopy {
  readonly destination: Window;
  readonly shift: number;
}

function worldCopies(scene: SceneGeometry, grid: TileGrid): readonly WorldCopy[] {
  if (scene.bounds === null) return [{ destination: wholeTile(grid), shift: 0 }];
  const [minX, , maxX] = grid.bounds;
  const [sceneMinX, , sceneMaxX] = scene.bounds;
  const copies: WorldCopy[] = [];
  for (let k = Math.ceil((sceneMinX - maxX) / WORLD); k * WORLD <= sceneMaxX - minX; k++) {
    const shift = k * WORLD;
    const destination = touchedWindow(scene.bounds, grid, shift);
    if (destination !== null) copies.push({ destination, shift });
  }
  return copies;
}

/** The pixels of the tile that lie in a box, and one more on each side against rounding. */
function touchedWindow(bounds: Bounds, grid: TileGrid, shift: number): Window | null {
  const [minX, minY, maxX, maxY] = grid.bounds;
  const resolutionX = (maxX - minX) / grid.width;
  const resolutionY = (maxY - minY) / grid.height;
  const left = Math.max(0, Math.floor((bounds[0] - shift - minX) / resolutionX) - 1);
  const right = Math.min(grid.width, Math.ceil((bounds[2] - shift - minX) / resolutionX) + 1);
  const top = Math.max(0, Math.floor((maxY - bounds[3]) / resolutionY) - 1);
  const bottom = Math.min(grid.height, Math.ceil((maxY - bounds[1]) / resolutionY) + 1);
  return left < right && top < bottom ? { col: left, row: top, width: right - left, height: bottom - top } : null;
}

/** True if the whole tile can be taken to the source's CRS to measure how their pixels compare. */
function isJudgedWhole(scene: SceneGeometry, grid: TileGrid): boolean {
  const degrees = ((grid.bounds[2] - grid.bounds[0]) / WORLD) * 360;
  return scene.fromMercator.separable || degrees <= MAX_JUDGED_DEGREES;
}

/** What takes a tile's pixels to a level's pixels. */
interface Projector {
  readonly scene: SceneGeometry;
  readonly grid: TileGrid;
  readonly scaleX: number;
  readonly scaleY: number;
}

/** Takes positions in a window of the tile to pixels of the level. */
function projectWindow({ scene, grid, scaleX, scaleY }: Projector, window: Window, shift: number): Project {
  const [minX, minY, maxX, maxY] = grid.bounds;
  const resolutionX = (maxX - minX) / grid.width;
  const resolutionY = (maxY - minY) / grid.height;
  return (xs, ys) => {
    for (let i = 0; i < xs.length; i++) {
      xs[i] = minX + (window.col + xs[i]!) * resolutionX;
      ys[i] = maxY - (window.row + ys[i]!) * resolutionY;
    }
    projectToPixels(scene, xs, ys, scaleX, scaleY, shift);
  };
}

/** Source pixels per destination pixel along the axes of the source. */
interface Ratio {
  readonly x: number;
  readonly y: number;
}

/**
 * Full-size source pixels per destination pixel: the size of the box around the tile's image over the tile's own. GDAL's
 * measure for a given extent and size is that of the axis where it is less. Null = the tile has no image.
 */
function targetRatio(scene: SceneGeometry, grid: TileGrid, copy: WorldCopy): Ratio | null {
  const window = isJudgedWhole(scene, grid) ? wholeTile(grid) : copy.destination;
  const project = projectWindow({ scene, grid, scaleX: 1, scaleY: 1 }, wholeTile(grid), copy.shift);
  const box = boxOfWindow(project, window, scene.separable);
  return box === null ? null : { x: (box[2] - box[0]) / window.width, y: (box[3] - box[1]) / window.height };
}

function isClearlyPlain({ scene, grid, scaleX, scaleY }: Projector, ratio: Ratio | null): boolean {
  return ratio !== null && isJudgedWhole(scene, grid) && Math.max(ratio.x * scaleX, ratio.y * scaleY) < PLAIN_REDUCTION;
}

function wholeTile(grid: TileGrid): Window {
  return { col: 0, row: 0, width: grid.width, height: grid.height };
}

type Frame = Omit<ReadPlan, 'parts'>;

function planCopy(
  projector: Projector,
  frame: Frame,
  copy: WorldCopy,
  { antialias, isPlain }: { readonly antialias: boolean; readonly isPlain: boolean },
): readonly PlanPart[] {
  const chunks = isPlain ? [{ window: copy.destination, scale: UNSCALED }] : chunksOfCopy(projector, frame, copy);
  return chunks.flatMap(({ window, scale: measured }) => {
    const destination = intersect(window, copy.destination);
    const scale = antialias ? { ...measured, antialias } : measured;
    return destination === null ? [] : (planPart(projector, frame, destination, copy.shift, scale) ?? []);
  });
}

/** What kernels are given that do not look at the scale. */
const UNSCALED: ResampleScale = { x: 1, y: 1 };

function chunksOfCopy(projector: Projector, frame: Frame, copy: WorldCopy): readonly Chunk[] {
  const { scene, grid } = projector;
  const { destination, shift } = copy;
  if (!isConvolution(frame.resampling)) return [{ window: destination, scale: UNSCALED }];
  if (!isJudgedWhole(scene, grid)) {
    const project = projectWindow(projector, destination, shift);
    return [{ window: destination, scale: measureScale(project, destination.width, destination.height) }];
  }
  const project = projectWindow(projector, wholeTile(grid), shift);
  const measure = scene.separable ? measureSeparableScale : measureScale;
  const scale = measure(project, grid.width, grid.height);
  if (Math.min(scale.x, scale.y) > CHUNKED_SCALE) return [{ window: destination, scale }];
  return chunksOfTile(project, grid, { width: frame.levelWidth, height: frame.levelHeight });
}

function intersect(a: Window, b: Window): Window | null {
  const [col, row] = [Math.max(a.col, b.col), Math.max(a.row, b.row)];
  const width = Math.min(a.col + a.width, b.col + b.width) - col;
  const height = Math.min(a.row + a.height, b.row + b.height) - row;
  return width > 0 && height > 0 ? { col, row, width, height } : null;
}

function planPart(
  projector: Projector,
  frame: Frame,
  destination: Window,
  shift: number,
  scale: ResampleScale,
): PlanPart | null {
  const { width, height } = destination;
  const { scene } = projector;
  const project = projectWindow(projector, destination, shift);
  const mapping = scene.separable
    ? axes.mapping({ ...projector, window: destination, shift }, project)
    : createGridMapping(project, width, height, scene.bounds === null);
  const aligned = alignedWindows(mapping, destination, { width: frame.levelWidth, height: frame.levelHeight });
  if (aligned === 'outside') return null;
  if (aligned !== null) return { ...aligned, mapping, scale, isCopy: true };
  const source = windowToRead(mapping, destination, frame, scale);
  return source === null ? null : { destination, source, mapping, scale, isCopy: false };
}
