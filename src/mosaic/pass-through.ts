import type { PictureFormat } from '../cog/cog.ts';
import { isTilerError } from '../errors.ts';
import type { TilerError } from '../errors.ts';
import type { Window } from '../raster/raster.ts';
import { inAsset } from './asset-context.ts';
import type { OpenScene, ScenePlan, SceneReadOptions } from './scene-reader.ts';
import type { Scene } from './scene.ts';
import type { TileMosaic, TileState } from './tile-state.ts';
import type { PixelSelectionName } from './pixel-selection/registry.ts';

/** What decides whether blocks can be tiles as they are. The fields are those of the tileset request. */
export interface PassThroughOptions extends Pick<SceneReadOptions, 'bidx' | 'nodata'> {
  readonly rescale: readonly (readonly [number, number])[] | null;
  readonly pixelSelection: PixelSelectionName;
  readonly format: string;
  readonly quality?: number | null;
  /** Colours by value, as an object, are something done to pixels; the other settings are for files with a palette. */
  readonly colormap?: object | string | null;
  /** False = every tile is encoded here. Default: true unless `quality` asks for one that a file's blocks need not have. */
  readonly passThrough?: boolean | null;
}

/**
 * Gives for each plan of one scene the bytes of the finished tile, which are not to be written to; null = its pixels have
 * to be made. Only for tiles that have nothing of a scene above yet.
 *
 * What it gives depends on the scene, the plan and the request alone. Blocks are fetched in coalesced ranges for all plans
 * together, and kept: where the pixels are wanted after all, by the tile itself or its parents, they cost no more I/O.
 *
 * @throws TilerError those of `Cog.readPictures`
 */
export type PassThrough = (
  opened: OpenScene,
  plans: readonly ScenePlan[],
  options: { readonly signal: AbortSignal },
) => Promise<readonly (Uint8Array | null)[]>;

/**
 * Makes the function that takes blocks of a file for tiles without decoding and encoding them: where a block lies exactly
 * on the tile, is stored in the tile's format, has no hole, and nothing is done to its pixels. `null` if the request does
 * something to all pixels, so that there is nothing to try.
 *
 * The pixels are those that the block decodes to, the same as without passing it through, but without the loss of another
 * encoding; its quality is the file's. A tileset then holds tiles of several encoders: those that blocks do not fill
 * (edges, holes, several scenes) are encoded here.
 */
export function createPassThrough(options: PassThroughOptions): PassThrough | null {
  const { rescale, nodata, pixelSelection, format, bidx, quality = null, colormap = null } = options;
  const isWanted = options.passThrough ?? quality === null;
  if (!isWanted || !isPictureFormat(format) || pixelSelection !== 'first') return null;
  const isOverridden = nodata !== null && nodata !== 'item';
  if (rescale !== null || isOverridden || (typeof colormap === 'object' && colormap !== null)) return null;
  return async (opened, plans, { signal }) => {
    const bytes = plans.map((): Uint8Array | null => null);
    const [asset, ...others] = opened.assets;
    if (asset === undefined || others.length > 0 || asset.cog.pictureFormat !== format) return bytes;
    if (!takesAllBands(bidx, asset.cog.bandCount)) return bytes;
    if (asset.values.scales !== null || asset.values.itemNodata !== null) return bytes;
    for (const [level, windows] of wholeWindows(plans)) {
      const places = windows.map(({ window }) => window);
      const pictures = await inAsset(opened.scene, asset.ref, () => asset.cog.readPictures(level, places, { signal }));
      for (const [k, { plan }] of windows.entries()) bytes[plan] = pictures[k] ?? null;
    }
    return bytes;
  };
}

/** The tiles of a group that are blocks of one scene, with their bytes. */
interface PassedTiles {
  readonly blocks: ReadonlyMap<TileState, Uint8Array>;
  /**
   * That of the whole group, if it can pass: the next attempt would give other tiles than pixels would now. One that
   * cannot is met again by whoever reads the pixels.
   */
  readonly failure: TilerError | null;
}

/** Finds the tiles of a group that are blocks of a scene; only those that have nothing above it can be. */
export async function passTiles(
  opened: OpenScene,
  group: readonly (readonly [TileState, ScenePlan])[],
  { passThrough = null }: { readonly passThrough?: PassThrough | null },
  { signal }: { readonly signal: AbortSignal },
): Promise<PassedTiles> {
  const fresh = group.filter(([state]) => state.selection === null);
  const blocks = new Map<TileState, Uint8Array>();
  if (passThrough === null || fresh.length === 0) return { blocks, failure: null };
  try {
    const plans = fresh.map(([, plan]) => plan);
    for (const [n, bytes] of (await passThrough(opened, plans, { signal })).entries()) {
      if (bytes !== null) blocks.set(fresh[n]![0], bytes);
    }
    return { blocks, failure: null };
  } catch (error) {
    signal.throwIfAborted();
    if (!isTilerError(error)) throw error;
    return { blocks, failure: error.retry === 'never' ? null : error };
  }
}

/** What a tile is of which a block is known that a scene fills it with; without one, what it was. */
export function passedTile(mosaic: TileMosaic, scene: Scene, bytes: Uint8Array | undefined): TileMosaic {
  if (bytes === undefined || mosaic.kind === 'failed') return mosaic;
  const raster = mosaic.kind === 'empty' ? null : mosaic.raster;
  return { kind: 'passed', bytes, raster, scenes: [scene], leftOut: mosaic.leftOut };
}

function isPictureFormat(format: string): format is PictureFormat {
  return format === 'jpeg' || format === 'webp';
}

function takesAllBands(bidx: readonly number[] | null, bandCount: number): boolean {
  return bidx === null || (bidx.length === bandCount && bidx.every((band, b) => band === b + 1));
}

interface WholeWindow {
  /** Position among the plans. */
  readonly plan: number;
  readonly window: Window;
}

/** By level, the windows of the plans whose tile is wholly a copy of one window. */
function wholeWindows(plans: readonly ScenePlan[]): ReadonlyMap<number, readonly WholeWindow[]> {
  const byLevel = new Map<number, WholeWindow[]>();
  for (const [n, { grid, assets }] of plans.entries()) {
    const plan = assets[0] ?? null;
    const [part, ...others] = plan?.parts ?? [];
    if (plan === null || part === undefined || others.length > 0 || !part.isCopy) continue;
    if (part.destination.width !== grid.width || part.destination.height !== grid.height) continue;
    const windows = byLevel.get(plan.level) ?? [];
    windows.push({ plan: n, window: part.source });
    byLevel.set(plan.level, windows);
  }
  return byLevel;
}
