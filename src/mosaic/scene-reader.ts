import type { Cog } from '../cog/cog.ts';
import { planRead } from '../cog/plan-read.ts';
import type { ReadPlan, TileGrid } from '../cog/plan-read.ts';
import { readPlan, sourceWindows } from '../cog/read-raster.ts';
import type { Piece } from '../cog/read-raster.ts';
import { TilerError } from '../errors.ts';
import type { StageMeter } from '../observe.ts';
import type { StatedCrs } from '../geo/stated-crs.ts';
import { bytesPerSample, createRaster } from '../raster/raster.ts';
import type { PaletteColour, Raster, Window } from '../raster/raster.ts';
import type { Resampling } from '../raster/resample.ts';
import { inAsset, ofAsset } from './asset-context.ts';
import { bandValuesOf, unscale, type BandValues, type Unscale } from './band-values.ts';
import type { SceneShape } from './scene-shape.ts';
import type { AssetRef, Scene } from './scene.ts';

/** Opens the file of an href, or gives it as it is open already. What it gives is not disposed by who asked for it. */
export interface CogOpener {
  open(
    href: string,
    options: { readonly signal: AbortSignal; readonly fallbackCrs?: StatedCrs | undefined },
  ): Promise<Cog>;
}

/** What of a scene is read, and how. The fields are those of the tileset request. */
export interface SceneReadOptions {
  /** 1-based bands of every asset; null = all. */
  readonly bidx: readonly number[] | null;
  /**
   * Overrides the files' own nodata, alpha and mask; may be NaN. `item` = that of the item, where it states one; null =
   * the files decide.
   */
  readonly nodata: number | 'item' | null;
  /** Whether samples become physical values, and by whose scale and offset. Default `none`. */
  readonly unscale?: Unscale;
  readonly resampling: Resampling;
  /** Weigh all source pixels at any reduction. Default: from a half on, as GDAL 3.13 does. */
  readonly antialias?: boolean | undefined;
  readonly stages?: StageMeter | undefined;
}

/** How to fill one tile from one scene: a plan for each of its assets, in their order; null = the asset has nothing here. */
export interface ScenePlan {
  readonly grid: TileGrid;
  readonly assets: readonly (ReadPlan | null)[];
  /** Decoded size of all source windows together; blocks reach a little beyond them. */
  readonly sourceBytes: number;
  /** An asset has no overview that comes near the tile: more than a million pixels are read, 16 for each that is shown. */
  readonly isOverread: boolean;
}

/** A scene whose files are open. Its bands are those of its assets, one after the other. */
export interface OpenScene extends SceneShape {
  readonly scene: Scene;
  readonly assets: readonly OpenAsset[];
}

/** One open file of a scene and the 1-based bands that are read of it. */
export interface OpenAsset {
  readonly ref: AssetRef;
  readonly cog: Cog;
  readonly bands: readonly number[];
  readonly values: BandValues;
}

/**
 * Opens all assets of a scene at the same time.
 *
 * @throws TilerError `REQUEST_INVALID` if an asset has no such band, `MOSAIC_BANDS_DIFFER` if the assets are not of one
 * dtype, and those of opening a COG
 */
export async function openScene(
  scene: Scene,
  cogs: CogOpener,
  { bidx, nodata = null, unscale: by = 'none' }: Pick<SceneReadOptions, 'bidx'> & Partial<SceneReadOptions>,
  callOptions: { readonly signal: AbortSignal },
): Promise<OpenScene> {
  const assets = await Promise.all(
    scene.assets.map((ref) =>
      inAsset(scene, ref, async (): Promise<OpenAsset> => {
        const cog = await cogs.open(ref.href, { ...callOptions, fallbackCrs: ref.crs });
        const bands = bandsOf(scene, ref, cog, bidx);
        return { ref, cog, bands, values: bandValuesOf({ scene, ref, cog, bands }, { unscale: by, nodata }) };
      }),
    ),
  );
  const [first] = assets;
  if (first === undefined) {
    throw new TilerError('ASSET_KEY_UNKNOWN', `Opening ${sceneName(scene)}: it has none of the assets asked for`);
  }
  const { dtype } = first.values;
  const other = assets.find(({ values }) => values.dtype !== dtype);
  if (other !== undefined) {
    throw new TilerError(
      'MOSAIC_BANDS_DIFFER',
      `Stacking the assets of ${sceneName(scene)}: ${first.ref.key} is ${dtype} and ` +
        `${other.ref.key} is ${other.values.dtype}, expected one sample type`,
      { context: { itemId: scene.itemId, assetKey: other.ref.key } },
    );
  }
  const bandCount = assets.reduce((sum, { bands }) => sum + bands.length, 0);
  const isPaletted = assets.some(({ cog }) => cog.colormap !== null);
  return { scene, bandCount, dtype, isPaletted, colormap: paletteOf(first.cog), assets };
}

/** One palette for all times that a file is asked for it, as it may have 65,536 colours. */
const palettes = new WeakMap<readonly PaletteColour[], readonly PaletteColour[]>();

/** The palette of a file, in which the colour of nodata is like any other: the mask says where there is no data. */
function paletteOf({ colormap, nodata }: Cog): readonly PaletteColour[] | null {
  if (colormap === null || nodata === null) return colormap;
  const known = palettes.get(colormap);
  if (known !== undefined) return known;
  const palette = colormap.map(([red, green, blue, alpha], value): PaletteColour => {
    return [red, green, blue, value === nodata ? 255 : alpha];
  });
  palettes.set(colormap, palette);
  return palette;
}

function bandsOf(scene: Scene, ref: AssetRef, cog: Cog, bidx: readonly number[] | null): readonly number[] {
  if (bidx === null) return Array.from({ length: cog.bandCount }, (_, b) => b + 1);
  const missing = bidx.find((band) => band > cog.bandCount);
  if (missing === undefined) return bidx;
  throw new TilerError(
    'REQUEST_INVALID',
    `Reading band ${missing} of asset ${ref.key} of ${sceneName(scene)}: it has ${cog.bandCount} (bidx counts from 1)`,
    { context: { itemId: scene.itemId, assetKey: ref.key } },
  );
}

/** `collection/itemId`, or the item ID alone. */
export function sceneName({ collection, itemId }: Scene): string {
  return collection === null ? itemId : `${collection}/${itemId}`;
}

/**
 * Plans the reads of one tile; `null` = the scene does not touch it.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` if the CRS of an asset is not known
 */
export function planScene({ scene, assets }: OpenScene, grid: TileGrid, options: SceneReadOptions): ScenePlan | null {
  const plans = assets.map(({ ref, cog }) => {
    try {
      return planRead(cog, grid, options.resampling, options);
    } catch (error) {
      throw ofAsset(error, scene, ref);
    }
  });
  if (plans.every((plan) => plan === null)) return null;
  let sourceBytes = 0;
  for (const [a, { cog }] of assets.entries()) {
    const plan = plans[a] ?? null;
    // Blocks hold all bands of the file, as most files are laid out, whichever of them are read.
    const pixelBytes = cog.bandCount * bytesPerSample(cog.dtype);
    for (const { width, height } of plan === null ? [] : sourceWindows(plan))
      sourceBytes += width * height * pixelBytes;
  }
  return { grid, assets: plans, sourceBytes, isOverread: plans.some(isOverread) };
}

const OVERREAD_RATIO = 16;
/** A sliver of a tile reads many times its pixels for the kernel's sake, and costs nothing. */
const OVERREAD_PIXELS = 1e6;

function isOverread(plan: ReadPlan | null): boolean {
  return (plan?.parts ?? []).some(({ source, destination }) => {
    const pixels = source.width * source.height;
    return pixels > OVERREAD_PIXELS && pixels > OVERREAD_RATIO * destination.width * destination.height;
  });
}

/** Fetches what several plans of one scene need: for each file and level one call with all windows. */
export async function prefetchScene(
  { scene, assets }: OpenScene,
  plans: readonly ScenePlan[],
  callOptions: { readonly signal: AbortSignal },
): Promise<void> {
  const prefetches = assets.flatMap(({ ref, cog }, a) => {
    const windowsByLevel = new Map<number, Window[]>();
    for (const plan of plans) {
      const assetPlan = plan.assets[a];
      if (assetPlan === undefined || assetPlan === null) continue;
      const windows = windowsByLevel.get(assetPlan.level) ?? [];
      windows.push(...sourceWindows(assetPlan));
      windowsByLevel.set(assetPlan.level, windows);
    }
    return [...windowsByLevel].map(([level, windows]) =>
      inAsset(scene, ref, () => cog.prefetch(level, windows, callOptions)),
    );
  });
  await Promise.all(prefetches);
}

/**
 * Reads what a scene has for one tile, on the tile's grid; an empty list = nothing.
 *
 * With several assets each is warped by itself and their bands are stacked: a pixel is valid if any asset's is, and the
 * bands of those that have none there are 0. So a pixel is nodata only if every band of it is, as within one file.
 */
export async function readScene(
  open: OpenScene,
  plan: ScenePlan,
  { nodata, stages }: SceneReadOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly Piece[]> {
  const pieces = await Promise.all(
    open.assets.map(async ({ ref, cog, bands, values }, a) => {
      const assetPlan = plan.assets[a] ?? null;
      if (assetPlan === null) return [];
      const ownNodata = nodata === 'item' ? values.itemNodata : nodata;
      const read = { bands, nodata: ownNodata, stages, signal };
      const found = await inAsset(open.scene, ref, () => readPlan(cog, assetPlan, read));
      return found.map((piece) => ({ ...piece, raster: unscale(piece.raster, values) }));
    }),
  );
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  return pieces.every((ofAsset) => ofAsset.length === 0) ? [] : [stackPieces(open, plan.grid, pieces)];
}

/** The pieces of one scene as one: where two of them meet, as in a scene wider than the world, the earlier counts. */
export function joinPieces(open: OpenScene, { grid }: ScenePlan, pieces: readonly Piece[]): readonly Piece[] {
  if (pieces.length < 2) return pieces;
  const oneAsset = { ...open, assets: [{ bands: Array.from({ length: open.bandCount }, (_, b) => b + 1) }] };
  return [stackPieces(oneAsset, grid, [pieces])];
}

function stackPieces(
  open: Pick<OpenScene, 'dtype' | 'bandCount'> & { readonly assets: readonly Pick<OpenAsset, 'bands'>[] },
  grid: TileGrid,
  pieces: readonly (readonly Piece[])[],
): Piece {
  const stacked = createRaster(grid.width, grid.height, open.dtype, open.bandCount);
  let firstBand = 0;
  for (const [a, { bands }] of open.assets.entries()) {
    // Backwards, because where two pieces of one asset meet the earlier counts.
    for (const piece of (pieces[a] ?? []).toReversed()) copyPiece(piece, stacked, firstBand);
    firstBand += bands.length;
  }
  return { col: 0, row: 0, raster: stacked };
}

function copyPiece({ col, row, raster }: Piece, stacked: Raster, firstBand: number): void {
  for (let y = 0; y < raster.height; y++) {
    const from = y * raster.width;
    const shift = (row + y) * stacked.width + col - from;
    for (let i = from; i < from + raster.width; i++) {
      const alpha = raster.mask[i]!;
      if (alpha === 0) continue;
      if (alpha > stacked.mask[i + shift]!) stacked.mask[i + shift] = alpha;
      for (let b = 0; b < raster.bands.length; b++) stacked.bands[firstBand + b]![i + shift] = raster.bands[b]![i]!;
    }
  }
}
