import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TileGrid } from '../cog/plan-read.ts';
import { isTilerError, TilerError } from '../errors.ts';
import type { Raster } from '../raster/raster.ts';
import type { Tile } from '../tms/tile.ts';
import type { PixelSelection } from './pixel-selection.ts';
import { createPixelSelection } from './pixel-selection/registry.ts';
import type { PixelSelectionName } from './pixel-selection/registry.ts';
import type { Scene } from './scene.ts';
import { openScene, planScene, prefetchScene, readScene, sceneName } from './scene-reader.ts';
import type { CogOpener, OpenScene, ScenePlan, SceneReadOptions } from './scene-reader.ts';

/** A tile to fill and the scenes that touch it, first = on top. */
export interface TileScenes {
  readonly tile: Tile;
  readonly grid: TileGrid;
  readonly scenes: readonly Scene[];
}

/** What became of one tile. */
export type TileMosaic =
  | { readonly kind: 'mosaic'; readonly raster: Raster; readonly scenes: readonly Scene[] }
  | { readonly kind: 'empty' }
  | { readonly kind: 'failed'; readonly error: TilerError };

export interface ComposeOptions extends SceneReadOptions {
  readonly cogs: CogOpener;
  readonly pixelSelection: PixelSelectionName;
  /** Most decoded bytes of one scene that are fetched ahead of their use. */
  readonly maxPrefetchBytes: number;
  readonly signal: AbortSignal;
}

/** Takes each tile as it is finished; the next one is worked on when the promise is fulfilled. */
export type TileMosaicSink = (tile: Tile, mosaic: TileMosaic) => Promise<void>;

/** A tile under way. `failed` and `done` tiles leave the list; their pixels are let go at once. */
interface TileState extends TileScenes {
  readonly touching: ReadonlySet<Scene>;
  readonly used: Scene[];
  selection: PixelSelection | null;
  /** The scene that gave the tile its number of bands and dtype. */
  shapedBy: OpenScene | null;
}

/**
 * Fills several tiles from the scenes that touch them, scene by scene: one scene is opened, gives all the tiles that
 * still want pixels what it has for them, and is done with. A tile leaves as soon as it is full, so that a scene which no
 * tile wants is never opened.
 *
 * `scenes` is the order of the whole; the scenes of every tile are in the same order. What a tile becomes depends on its
 * own scenes alone, not on the tiles beside it. A scene that cannot be opened or read fails the tiles that want it.
 * Memory: the pixels of the tiles under way, and `maxPrefetchBytes` of one scene in the reader's cache.
 *
 * @throws the reason of an abort, and whatever `sink` throws; never the failure of a scene
 */
export async function composeTiles(
  scenes: readonly Scene[],
  tiles: readonly TileScenes[],
  sink: TileMosaicSink,
  options: ComposeOptions,
): Promise<void> {
  const open = new Set<TileState>();
  for (const tile of tiles) {
    if (tile.scenes.length === 0) await sink(tile.tile, { kind: 'empty' });
    else open.add({ ...tile, touching: new Set(tile.scenes), used: [], selection: null, shapedBy: null });
  }
  const leave = async (state: TileState, mosaic: TileMosaic): Promise<void> => {
    open.delete(state);
    state.selection = null;
    await sink(state.tile, mosaic);
  };
  const openings = new Map<Scene, Promise<OpenScene>>();
  for (const [index, scene] of scenes.entries()) {
    const wanting = [...open].filter(({ touching }) => touching.has(scene));
    if (wanting.length === 0) continue;
    const opening = openings.get(scene) ?? openScene(scene, options.cogs, options, options);
    openings.delete(scene);
    // A rejection is met by whoever awaits the opening; if nobody comes to that, it is of no interest.
    openNext(scenes.slice(index + 1), scene, open, openings, options)?.catch(() => {});
    const opened = await opening.catch((error: unknown) => failureOf(error, options.signal));
    if (isTilerError(opened)) {
      for (const state of wanting) await leave(state, { kind: 'failed', error: opened });
    } else {
      await addScene(opened, wanting, leave, options);
    }
  }
  for (const state of open) await leave(state, mosaicOf(state));
}

/** Opens the next scene while this one is read, if a tile that this one does not touch is certain to want it. */
function openNext(
  following: readonly Scene[],
  current: Scene,
  open: ReadonlySet<TileState>,
  openings: Map<Scene, Promise<OpenScene>>,
  options: ComposeOptions,
): Promise<OpenScene> | null {
  const next = following.find((scene) => [...open].some(({ touching }) => touching.has(scene)));
  if (next === undefined || openings.has(next)) return null;
  const isCertain = [...open].some(({ touching }) => touching.has(next) && !touching.has(current));
  if (!isCertain) return null;
  const opening = openScene(next, options.cogs, options, options);
  openings.set(next, opening);
  return opening;
}

type Leave = (state: TileState, mosaic: TileMosaic) => Promise<void>;

async function addScene(
  opened: OpenScene,
  wanting: readonly TileState[],
  leave: Leave,
  options: ComposeOptions,
): Promise<void> {
  const planned: [TileState, ScenePlan][] = [];
  for (const state of wanting) {
    const plan = planOrFailure(opened, state.grid, options);
    if (isTilerError(plan)) await leave(state, { kind: 'failed', error: plan });
    else if (plan !== null) planned.push([state, plan]);
  }
  for (const group of groupsBySize(planned, options.maxPrefetchBytes)) {
    const failure = await prefetchGroup(opened, group, options);
    for (const [state, plan] of group) {
      // Without a turn of the event loop for each tile, native buffers are not released and timers wait.
      await nextTurn();
      options.signal.throwIfAborted();
      const isDone =
        failure ??
        (await feedScene(opened, state, plan, options).catch((error: unknown) => failureOf(error, options.signal)));
      if (isTilerError(isDone)) await leave(state, { kind: 'failed', error: isDone });
      else if (isDone) await leave(state, mosaicOf(state));
    }
  }
}

function planOrFailure(opened: OpenScene, grid: TileGrid, options: ComposeOptions): ScenePlan | TilerError | null {
  try {
    return planScene(opened, grid, options);
  } catch (error) {
    return failureOf(error, options.signal);
  }
}

/** Consecutive plans whose source windows are within the limit; one that is beyond it alone is a group of its own. */
function groupsBySize(planned: readonly [TileState, ScenePlan][], maxBytes: number): [TileState, ScenePlan][][] {
  const groups: [TileState, ScenePlan][][] = [];
  let bytes = 0;
  for (const entry of planned) {
    const group = groups.at(-1);
    bytes += entry[1].sourceBytes;
    if (group !== undefined && bytes <= maxBytes) {
      group.push(entry);
    } else {
      groups.push([entry]);
      bytes = entry[1].sourceBytes;
    }
  }
  return groups;
}

/**
 * Fetches what a group of tiles needs. A failure that can pass (the server is away) is that of all of them: asking again
 * for each would take as many time-outs. One that cannot (a broken block) is left to the reads to meet, tile by tile.
 */
async function prefetchGroup(
  opened: OpenScene,
  group: readonly [TileState, ScenePlan][],
  { signal }: ComposeOptions,
): Promise<TilerError | null> {
  const plans = group.map(([, plan]) => plan);
  try {
    await prefetchScene(opened, plans, { signal });
    return null;
  } catch (error) {
    const failure = failureOf(error, signal);
    return failure.retry === 'never' ? null : failure;
  }
}

/** @returns whether the tile is full */
async function feedScene(
  opened: OpenScene,
  state: TileState,
  plan: ScenePlan,
  options: ComposeOptions,
): Promise<boolean> {
  const { bandCount, dtype, scene } = opened;
  const shapedBy = (state.shapedBy ??= opened);
  if (shapedBy.bandCount !== bandCount || shapedBy.dtype !== dtype) {
    throw new TilerError(
      'MOSAIC_BANDS_DIFFER',
      `Mosaicking ${state.tile.z}/${state.tile.x}/${state.tile.y}: ${sceneName(shapedBy.scene)} has ` +
        `${shapedBy.bandCount} bands of ${shapedBy.dtype}, ${sceneName(scene)} has ${bandCount} of ${dtype}`,
      { context: { itemId: scene.itemId } },
    );
  }
  const pieces = await readScene(opened, plan, options, options);
  const { width, height } = state.grid;
  const selection = (state.selection ??= createPixelSelection(options.pixelSelection, {
    width,
    height,
    bandCount,
    dtype,
  }));
  let isUsed = false;
  for (const { raster, col, row } of pieces) if (selection.feed(raster, { col, row })) isUsed = true;
  if (isUsed) state.used.push(scene);
  return selection.isDone();
}

function mosaicOf({ selection, used }: TileState): TileMosaic {
  const raster = selection?.result() ?? null;
  return raster === null ? { kind: 'empty' } : { kind: 'mosaic', raster, scenes: used };
}

/** The failure of a scene as a value. An abort, and a fault of the program, are none: they go on as they are. */
function failureOf(error: unknown, signal: AbortSignal): TilerError {
  signal.throwIfAborted();
  if (isTilerError(error)) return error;
  throw error;
}
