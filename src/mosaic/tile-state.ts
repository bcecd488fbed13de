import type { TileGrid } from '../cog/plan-read.ts';
import { TilerError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { PaletteColour, Raster } from '../raster/raster.ts';
import type { Tile } from '../tms/tile.ts';
import { checkPaletteKept, isSamePalette, paletteOfScene } from './palette.ts';
import type { PaletteUse } from './palette.ts';
import type { BandRule, MosaicShape, PixelSelection, PixelSelectionOptions } from './pixel-selection.ts';
import { createPixelSelection, pixelSelectionBytes } from './pixel-selection/registry.ts';
import type { PixelSelectionName } from './pixel-selection/registry.ts';
import { joinPieces, readScene, sceneName } from './scene-reader.ts';
import type { OpenScene, ScenePlan, SceneReadOptions } from './scene-reader.ts';
import { joinShapes, toShape } from './scene-shape.ts';
import type { SceneShape } from './scene-shape.ts';
import type { Scene } from './scene.ts';

/** A tile to fill and the scenes that touch it, first = on top. */
export interface TileScenes {
  readonly tile: Tile;
  readonly grid: TileGrid;
  readonly scenes: readonly Scene[];
}

/** A scene that a tile had to do without, and why. */
export interface SceneLeftOut {
  readonly scene: Scene;
  readonly error: TilerError;
}

/** What became of one tile. `leftOut`: the scenes it is without, in their order; only with `onAssetError: "skip"`. */
export type TileMosaic =
  | {
      readonly kind: 'mosaic';
      readonly raster: Raster;
      readonly scenes: readonly Scene[];
      readonly leftOut: readonly SceneLeftOut[];
    }
  | {
      /** A block of a file is the tile as it is. */
      readonly kind: 'passed';
      readonly bytes: Uint8Array;
      /** Its pixels, if they are wanted all the same. */
      readonly raster: Raster | null;
      readonly scenes: readonly Scene[];
      readonly leftOut: readonly SceneLeftOut[];
    }
  | { readonly kind: 'empty'; readonly leftOut: readonly SceneLeftOut[] }
  | { readonly kind: 'failed'; readonly error: TilerError };

/** How scenes are folded into a tile. The first three are fields of the tileset request, as the options of reading are. */
export interface FoldOptions extends SceneReadOptions {
  readonly pixelSelection: PixelSelectionName;
  readonly bandRule: BandRule;
  readonly onAssetError: 'fail' | 'skip';
  /** What the values of files with a palette are taken for. Default `numbers`. */
  readonly paletteUse?: PaletteUse;
  /** Most bytes that the pixel selections of all tiles under way may hold together; one tile is always under way. */
  readonly maxOpenBytes: number;
  readonly signal: AbortSignal;
}

/**
 * A tile under way. Its shape is that of the first scene that gave it pixels, and grows with scenes of a wider one;
 * since what is folded already cannot grow with it, the tile then begins anew. A scene that was left out once stays out,
 * whatever becomes of it meanwhile, so that all passes see the same.
 */
export interface TileState extends TileScenes {
  readonly touching: ReadonlySet<Scene>;
  readonly used: Set<Scene>;
  readonly leftOut: Map<Scene, TilerError>;
  shape: SceneShape | null;
  /** The scene that gave the shape, for messages. */
  shapedBy: Scene | null;
  selection: PixelSelection | null;
  /** Bytes that the pixel selection holds or is about to. */
  reservedBytes: number;
}

/** A tile at the beginning. */
export function createTileState(tile: TileScenes): TileState {
  return {
    ...tile,
    touching: new Set(tile.scenes),
    used: new Set(),
    leftOut: new Map(),
    shape: null,
    shapedBy: null,
    selection: null,
    reservedBytes: 0,
  };
}

/** Lets go of the pixels of a tile: they are given away, or will be gathered anew. */
export function releaseTile(state: TileState): void {
  state.selection = null;
  state.used.clear();
  state.reservedBytes = 0;
}

/**
 * Failures of a file that no waiting mends, and that are the file's alone. Not among them are limits, which a worker's
 * environment sets: what a tile looks like never depends on that.
 */
const LASTING_ASSET_ERRORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ASSET_NOT_FOUND',
  'ASSET_FORBIDDEN',
  'ASSET_CORRUPT',
  'ASSET_UNSUPPORTED',
]);

/** True if a tile may do without a scene that failed like this. What may pass is never left out, but tried again. */
export function mayLeaveOut({ code }: TilerError, { onAssetError }: Pick<FoldOptions, 'onAssetError'>): boolean {
  return onAssetError === 'skip' && LASTING_ASSET_ERRORS.has(code);
}

/**
 * Bytes that a tile will hold once it has pixels of a scene.
 *
 * @throws TilerError `MOSAIC_TOO_MANY_ASSETS` if its pixel selection needs more than it may hold
 */
export function bytesWith(state: TileState, opened: OpenScene, options: FoldOptions): number {
  const shape = state.shape === null ? opened : (joinShapes(state.shape, opened) ?? state.shape);
  return pixelSelectionBytes(options.pixelSelection, mosaicShape(state, shape), selectionOptions(state, options));
}

/**
 * Reads what a scene has for a tile and folds it in.
 *
 * @returns `done` = the tile is full; `anew` = the scene is of a wider shape, and the tile has to begin anew with it
 * @throws TilerError `MOSAIC_BANDS_DIFFER`; `REQUEST_INVALID` if indices into a palette would be mixed; and those of
 * `PixelSelection` and of reading
 */
export async function feedScene(
  opened: OpenScene,
  state: TileState,
  plan: ScenePlan,
  options: FoldOptions,
): Promise<'open' | 'done' | 'anew'> {
  checkPaletteKept(opened, options);
  const found = await readScene(opened, plan, options, options);
  if (found.length === 0) return 'open';
  const shape = shapeWith(state, opened, options);
  const isWider = shape.dtype !== state.shape?.dtype || shape.bandCount !== state.shape.bandCount;
  if (isWider) state.shapedBy = opened.scene;
  state.shape = shape;
  if (isWider && state.selection !== null) return 'anew';
  const selection = (state.selection ??= createPixelSelection(
    options.pixelSelection,
    mosaicShape(state, shape),
    selectionOptions(state, options),
  ));
  // `first` takes pieces as they come: where two meet, the earlier counts anyway.
  const pieces = options.pixelSelection === 'first' ? found : joinPieces(opened, plan, found);
  for (const { raster, col, row } of pieces) {
    if (selection.feed(toShape(raster, shape), { col, row })) state.used.add(opened.scene);
  }
  return selection.isDone() ? 'done' : 'open';
}

/** What a tile has become when all its scenes were fed. */
export function mosaicOf({ selection, scenes, used, leftOut, shape }: TileState): TileMosaic {
  const raster = selection?.result() ?? null;
  const without = scenes.flatMap((scene) => {
    const error = leftOut.get(scene);
    return error === undefined ? [] : [{ scene, error }];
  });
  if (raster === null) return { kind: 'empty', leftOut: without };
  const palette = shape?.colormap ?? null;
  const found = palette === null ? raster : { ...raster, palette };
  return { kind: 'mosaic', raster: found, scenes: scenes.filter((scene) => used.has(scene)), leftOut: without };
}

/** The shape of a tile with one more scene. Its colours are those that are to be shown; of `classes` none are. */
function shapeWith(
  { tile: { z, x, y }, shape, shapedBy }: TileState,
  opened: OpenScene,
  options: FoldOptions,
): SceneShape {
  const { bandCount, dtype, isPaletted, scene } = opened;
  const colormap = options.paletteUse === 'colours' ? paletteOfScene(opened, options) : null;
  if (shape === null || shapedBy === null) return { bandCount, dtype, isPaletted, colormap };
  const joined = joinShapes(shape, opened);
  if (joined !== null && isSamePalette(shape.colormap ?? null, colormap)) return { ...joined, colormap };
  if (joined !== null) throw differentPalettes(`${z}/${x}/${y}`, shapedBy, shape.colormap ?? null, scene, colormap);
  const palette = (paletted: boolean): string => (paletted ? ' with a palette' : '');
  throw new TilerError(
    'MOSAIC_BANDS_DIFFER',
    `Mosaicking ${z}/${x}/${y}: ${sceneName(shapedBy)} has ${shape.bandCount} bands of ` +
      `${shape.dtype}${palette(shape.isPaletted)}, ${sceneName(scene)} has ${bandCount} of ${dtype}${palette(isPaletted)}`,
    { context: { itemId: scene.itemId } },
  );
}

function differentPalettes(
  tile: string,
  first: Scene,
  ofFirst: readonly PaletteColour[] | null,
  other: Scene,
  ofOther: readonly PaletteColour[] | null,
): TilerError {
  const found =
    ofFirst === null || ofOther === null
      ? `${sceneName(ofFirst === null ? other : first)} has a palette and ${sceneName(ofFirst === null ? first : other)} has none`
      : `${sceneName(first)} and ${sceneName(other)} have different palettes`;
  return new TilerError(
    'MOSAIC_BANDS_DIFFER',
    `Mosaicking ${tile}: ${found}. Give the colours in the request, "colormap": { "1": [r, g, b], … }, ` +
      'or take the values as grey, "colormap": "none"',
    { context: { itemId: other.itemId } },
  );
}

function mosaicShape({ grid }: TileState, { bandCount, dtype }: SceneShape): MosaicShape {
  return { width: grid.width, height: grid.height, bandCount, dtype };
}

function selectionOptions({ scenes }: TileState, { bandRule, maxOpenBytes }: FoldOptions): PixelSelectionOptions {
  return { bandRule, maxScenes: scenes.length, maxBytes: maxOpenBytes };
}
