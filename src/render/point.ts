import type { Cog } from '../cog/cog.ts';
import { apply, invert } from '../geo/affine.ts';
import { isTilerError, TilerError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import { CRS84, transformerBetween } from '../geo/crs.ts';
import type { MosaicBackend } from '../mosaic/backend.ts';
import { unscale } from '../mosaic/band-values.ts';
import { createPixelSelection } from '../mosaic/pixel-selection/registry.ts';
import { openScene, sceneName } from '../mosaic/scene-reader.ts';
import type { CogOpener, OpenAsset, OpenScene } from '../mosaic/scene-reader.ts';
import { joinShapes, toShape } from '../mosaic/scene-shape.ts';
import type { SceneShape } from '../mosaic/scene-shape.ts';
import type { Scene } from '../mosaic/scene.ts';
import { mayLeaveOut } from '../mosaic/tile-state.ts';
import { createRaster } from '../raster/raster.ts';
import type { Raster } from '../raster/raster.ts';
import type { RenderOptions } from './tile-renderer.ts';

/** What one scene has at a point. */
export interface PointScene {
  readonly collection: string | null;
  readonly itemId: string;
  /** One for each band, as they are in the file or as `unscale` makes them, 0 where one asset of several has none; null = no data here. */
  readonly values: readonly number[] | null;
  /** Why its values are not known: it was left out, with `onAssetError: "skip"`. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string };
}

/** What a mosaic has at a point. */
export interface PointReading {
  /** Degrees. */
  readonly lng: number;
  readonly lat: number;
  /** All scenes that touch the point, first = on top. */
  readonly scenes: readonly PointScene[];
  /** What the pixel selection gives; null = nothing there. */
  readonly values: readonly number[] | null;
}

export interface PointParts {
  readonly backend: MosaicBackend;
  readonly cogs: CogOpener;
  readonly options: Pick<RenderOptions, 'bidx' | 'nodata' | 'unscale' | 'pixelSelection' | 'bandRule' | 'onAssetError'>;
}

/**
 * Reads the values of a mosaic at a place: of each scene the full-resolution pixel in which it lies, without resampling
 * and without rescale. Every scene is read, those under the first valid one too, one after the other.
 *
 * @throws TilerError `MOSAIC_BANDS_DIFFER`, those of `MosaicBackend`, of `PixelSelection`, and of opening and reading a COG
 */
export async function readPoint(
  { backend, cogs, options }: PointParts,
  { lng, lat }: { readonly lng: number; readonly lat: number },
  { signal }: { readonly signal: AbortSignal },
): Promise<PointReading> {
  const scenes: PointScene[] = [];
  const found: FoundPixel[] = [];
  for (const scene of await backend.assetsForPoint(lng, lat, { signal })) {
    const { collection, itemId } = scene;
    try {
      const opened = await openScene(scene, cogs, options, { signal });
      const values = await readSceneAt(opened, lng, lat, options.nodata, signal);
      scenes.push({ collection, itemId, values });
      if (values !== null) found.push({ scene, shape: opened, values });
    } catch (error) {
      if (!isTilerError(error) || !mayLeaveOut(error, { onAssetError: options.onAssetError ?? 'fail' })) throw error;
      scenes.push({ collection, itemId, values: null, failure: { code: error.code, message: error.message } });
    }
  }
  return { lng, lat, scenes, values: selectValues(found, options) };
}

interface FoundPixel {
  readonly scene: Scene;
  readonly shape: SceneShape;
  readonly values: readonly number[];
}

/** What the pixel selection makes of a pixel that several scenes have. */
function selectValues(
  found: readonly FoundPixel[],
  { pixelSelection, bandRule = 'pixel' }: PointParts['options'],
): readonly number[] | null {
  const [top] = found;
  if (top === undefined) return null;
  // No other scene matters, of whatever kind it is.
  if (pixelSelection === 'first') return top.values;
  const shape = found.reduce((joined: SceneShape, { scene, shape }) => {
    const both = joinShapes(joined, shape);
    if (both !== null) return both;
    throw new TilerError(
      'MOSAIC_BANDS_DIFFER',
      `Mosaicking a point: ${sceneName(top.scene)} and those after it have ${joined.bandCount} bands of ${joined.dtype}, ` +
        `${sceneName(scene)} has ${shape.bandCount} of ${shape.dtype}`,
      { context: { itemId: scene.itemId } },
    );
  }, top.shape);
  const options = { bandRule, maxScenes: found.length };
  const selection = createPixelSelection(pixelSelection, { ...shape, width: 1, height: 1 }, options);
  for (const pixel of found) selection.feed(toShape(onePixel(pixel), shape), { col: 0, row: 0 });
  return selection.result()?.bands.map((band) => band[0] ?? 0) ?? null;
}

function onePixel({ shape, values }: FoundPixel): Raster {
  const raster = createRaster(1, 1, shape.dtype, values.length);
  raster.mask[0] = 255;
  for (let b = 0; b < values.length; b++) raster.bands[b]![0] = values[b]!;
  return raster;
}

async function readSceneAt(
  { assets }: OpenScene,
  lng: number,
  lat: number,
  nodata: RenderOptions['nodata'],
  signal: AbortSignal,
): Promise<readonly number[] | null> {
  const ofAssets = await Promise.all(assets.map((asset) => readAssetAt(asset, lng, lat, nodata, signal)));
  if (ofAssets.every((values) => values === null)) return null;
  return ofAssets.flatMap((values, a) => values ?? (assets[a]?.bands ?? []).map(() => 0));
}

async function readAssetAt(
  { cog, bands, values }: OpenAsset,
  lng: number,
  lat: number,
  nodata: RenderOptions['nodata'],
  signal: AbortSignal,
): Promise<readonly number[] | null> {
  const pixel = pixelAt(cog, lng, lat);
  if (pixel === null) return null;
  const window = { ...pixel, width: 1, height: 1 };
  const ownNodata = nodata === 'item' ? values.itemNodata : nodata;
  const read = await cog.readWindow({ level: 0, window, bands, nodata: ownNodata }, { signal });
  const raster = unscale(read, values);
  return raster.mask[0] === 0 ? null : raster.bands.map((band) => band[0] ?? 0);
}

/** The pixel of full size that holds a point; null = outside. A scene across the antimeridian is looked at from both sides. */
function pixelAt(cog: Cog, lng: number, lat: number): { readonly col: number; readonly row: number } | null {
  const level = cog.levels[0];
  const toPixel = invert(cog.transform);
  if (level === undefined || toPixel === null) return null;
  const transformer = transformerBetween(CRS84, cog.crs);
  for (const turn of [0, 360, -360]) {
    const x = Float64Array.of(lng + turn);
    const y = Float64Array.of(lat);
    transformer.transform(x, y);
    const [col, row] = apply(toPixel, x[0] ?? NaN, y[0] ?? NaN).map(Math.floor);
    if (col === undefined || row === undefined) continue;
    if (col >= 0 && row >= 0 && col < level.width && row < level.height) return { col, row };
  }
  return null;
}
