import type { Cog } from '../cog/cog.ts';
import { apply, invert } from '../geo/affine.ts';
import { CRS84, transformerBetween } from '../geo/crs.ts';
import type { MosaicBackend } from '../mosaic/backend.ts';
import { openScene } from '../mosaic/scene-reader.ts';
import type { CogOpener, OpenAsset, OpenScene } from '../mosaic/scene-reader.ts';
import type { RenderOptions } from './tile-renderer.ts';

/** What one scene has at a point. */
export interface PointScene {
  readonly collection: string | null;
  readonly itemId: string;
  /** One for each band, as they are in the file, 0 where one asset of several has none; null = no data here. */
  readonly values: readonly number[] | null;
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
  readonly options: Pick<RenderOptions, 'bidx' | 'nodata' | 'pixelSelection'>;
}

/**
 * Reads the values of a mosaic at a place: of each scene the full-resolution pixel in which it lies, without resampling
 * and without rescale. Every scene is read, those under the first valid one too, one after the other.
 *
 * @throws TilerError those of `MosaicBackend` and of opening and reading a COG
 */
export async function readPoint(
  { backend, cogs, options }: PointParts,
  { lng, lat }: { readonly lng: number; readonly lat: number },
  { signal }: { readonly signal: AbortSignal },
): Promise<PointReading> {
  const scenes: PointScene[] = [];
  for (const scene of await backend.assetsForPoint(lng, lat, { signal })) {
    const opened = await openScene(scene, cogs, options, { signal });
    const values = await readSceneAt(opened, lng, lat, options.nodata, signal);
    scenes.push({ collection: scene.collection, itemId: scene.itemId, values });
  }
  return { lng, lat, scenes, values: scenes.find(({ values }) => values !== null)?.values ?? null };
}

async function readSceneAt(
  { assets }: OpenScene,
  lng: number,
  lat: number,
  nodata: number | null,
  signal: AbortSignal,
): Promise<readonly number[] | null> {
  const ofAssets = await Promise.all(assets.map((asset) => readAssetAt(asset, lng, lat, nodata, signal)));
  if (ofAssets.every((values) => values === null)) return null;
  return ofAssets.flatMap((values, a) => values ?? (assets[a]?.bands ?? []).map(() => 0));
}

async function readAssetAt(
  { cog, bands }: OpenAsset,
  lng: number,
  lat: number,
  nodata: number | null,
  signal: AbortSignal,
): Promise<readonly number[] | null> {
  const pixel = pixelAt(cog, lng, lat);
  if (pixel === null) return null;
  const window = { ...pixel, width: 1, height: 1 };
  const raster = await cog.readWindow({ level: 0, window, bands, nodata }, { signal });
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
