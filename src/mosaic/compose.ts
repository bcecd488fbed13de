import { setImmediate as nextTurn } from 'node:timers/promises';
import { isTilerError, withContext } from '../errors.ts';
import type { TilerError } from '../errors.ts';
import type { IoCounters } from '../observe.ts';
import type { Tile } from '../tms/tile.ts';
import { contextOf } from './asset-context.ts';
import { passedTile, passTiles } from './pass-through.ts';
import type { PassThrough } from './pass-through.ts';
import type { Scene } from './scene.ts';
import { openScene, planScene, prefetchScene } from './scene-reader.ts';
import type { CogOpener, OpenScene, ScenePlan } from './scene-reader.ts';
import { bytesWith, createTileState, feedScene, mayLeaveOut, mosaicOf, releaseTile } from './tile-state.ts';
import type { FoldOptions, TileMosaic, TileScenes, TileState } from './tile-state.ts';
import { Turns } from './turns.ts';

export interface ComposeOptions extends FoldOptions {
  readonly cogs: CogOpener;
  readonly counters: Pick<IoCounters, 'overreads'>;
  /** Most decoded bytes of one scene that are fetched ahead of their use. */
  readonly maxPrefetchBytes: number;
  /** Takes blocks of files for tiles. Default none. */
  readonly passThrough?: PassThrough | null;
  /** True if the pixels of tiles that are blocks are wanted too. Default false. */
  readonly wantsPixels?: boolean;
  /** Called with each scene whose files were opened for a tile, or were open already. */
  readonly onSceneOpened?: (opened: OpenScene) => void;
}

/** Takes each tile as it is finished; the next one is worked on when the promise is fulfilled. */
export type TileMosaicSink = (tile: Tile, mosaic: TileMosaic) => Promise<void>;

/**
 * Fills several tiles from the scenes that touch them, scene by scene: one scene is opened, gives all the tiles that
 * still want pixels what it has for them, and is done with. A tile leaves as soon as it is full, so that a scene which no
 * tile wants is never opened.
 *
 * `scenes` is the order of the whole; the scenes of every tile are in the same order. What a tile becomes depends on its
 * own scenes alone, not on the tiles beside it. A scene that cannot be opened or read fails the tiles that want it, or
 * with `onAssetError: "skip"` is left out of them if it never can be.
 *
 * Memory: `maxOpenBytes` of the tiles under way, and `maxPrefetchBytes` of one scene in the reader's cache. Tiles for
 * which there is no room, whose shape turns out too narrow, or whose pixel selection asks for it, are done in a further
 * pass over the scenes.
 *
 * @throws the reason of an abort, and whatever `sink` throws; never the failure of a scene
 */
export async function composeTiles(
  scenes: readonly Scene[],
  tiles: readonly TileScenes[],
  sink: TileMosaicSink,
  options: ComposeOptions,
): Promise<void> {
  let states: readonly TileState[] = tiles.map(createTileState);
  while (states.length > 0) {
    const pass = new Pass(states, sink, options);
    await composePass(scenes, pass, options);
    states = pass.deferred;
  }
}

/** The tiles of one pass over the scenes. A tile is open until it leaves, finished or failed, or is put off to the next. */
class Pass {
  readonly open: Set<TileState>;
  readonly deferred: TileState[] = [];
  private readonly sink: TileMosaicSink;
  private readonly options: ComposeOptions;
  private openBytes = 0;

  constructor(states: readonly TileState[], sink: TileMosaicSink, options: ComposeOptions) {
    this.open = new Set(states);
    this.sink = sink;
    this.options = options;
    for (const { reservedBytes } of states) this.openBytes += reservedBytes;
  }

  async leave(state: TileState, mosaic: TileMosaic): Promise<void> {
    this.open.delete(state);
    this.release(state);
    await this.sink(state.tile, mosaic);
  }

  /** What a failed scene means for a tile: it does without, or it has failed. */
  async giveUp(state: TileState, scene: Scene, error: TilerError): Promise<void> {
    if (mayLeaveOut(error, this.options)) state.leftOut.set(scene, error);
    else await this.leave(state, { kind: 'failed', error: withContext(error, contextOf(scene)) });
  }

  /**
   * Makes room for a tile's pixels; false = it is put off, as there is none beside the others.
   *
   * @throws TilerError `MOSAIC_TOO_MANY_ASSETS`, and those of making a pixel selection
   */
  reserve(state: TileState, opened: OpenScene): boolean {
    if (state.selection !== null) return true;
    // What an earlier scene would have taken, which then had no pixels.
    this.release(state);
    const bytes = bytesWith(state, opened, this.options);
    if (this.openBytes > 0 && this.openBytes + bytes > this.options.maxOpenBytes) {
      this.putOff(state);
      return false;
    }
    state.reservedBytes = bytes;
    this.openBytes += bytes;
    return true;
  }

  /** Puts a tile off to the next pass, where it begins anew. */
  putOff(state: TileState): void {
    this.open.delete(state);
    this.release(state);
    this.deferred.push(state);
  }

  /** Ends the pass when all scenes were fed. */
  async end(): Promise<void> {
    for (const state of this.open) {
      // Finishing a mosaic and its style take some milliseconds each.
      await nextTurn();
      if ((await state.selection?.nextPass(this.options)) === true) this.deferred.push(state);
      else await this.leave(state, mosaicOf(state));
    }
  }

  private release(state: TileState): void {
    this.openBytes -= state.reservedBytes;
    releaseTile(state);
  }
}

async function composePass(scenes: readonly Scene[], pass: Pass, options: ComposeOptions): Promise<void> {
  for (const state of pass.open) if (state.scenes.length === 0) await pass.leave(state, mosaicOf(state));
  const openings = new Map<Scene, Promise<OpenScene>>();
  for (const [index, scene] of scenes.entries()) {
    const wanting = [...pass.open].filter(({ touching, leftOut }) => touching.has(scene) && !leftOut.has(scene));
    if (wanting.length === 0) continue;
    const opening = openings.get(scene) ?? openScene(scene, options.cogs, options, options);
    openings.delete(scene);
    // A rejection is met by whoever awaits the opening; if nobody comes to that, it is of no interest.
    openNext(scenes.slice(index + 1), scene, pass.open, openings, options)?.catch(() => {});
    const opened = await opening.catch((error: unknown) => failureOf(error, options.signal));
    if (isTilerError(opened)) for (const state of wanting) await pass.giveUp(state, scene, opened);
    else await addScene(opened, wanting, pass, options);
  }
  await pass.end();
}

/** Opens the next scene while this one is read, if it is certain that a tile will want it. */
function openNext(
  following: readonly Scene[],
  current: Scene,
  open: ReadonlySet<TileState>,
  openings: Map<Scene, Promise<OpenScene>>,
  options: ComposeOptions,
): Promise<OpenScene> | null {
  const wants = ({ touching, leftOut }: TileState, scene: Scene): boolean => touching.has(scene) && !leftOut.has(scene);
  const next = following.find((scene) => [...open].some((state) => wants(state, scene)));
  if (next === undefined || openings.has(next)) return null;
  // Only `first` has tiles that are full; with it, a tile that this scene does not touch cannot be.
  const isCertain =
    options.pixelSelection !== 'first' || [...open].some((state) => wants(state, next) && !state.touching.has(current));
  if (!isCertain) return null;
  const opening = openScene(next, options.cogs, options, options);
  openings.set(next, opening);
  return opening;
}

async function addScene(
  opened: OpenScene,
  wanting: readonly TileState[],
  pass: Pass,
  options: ComposeOptions,
): Promise<void> {
  options.onSceneOpened?.(opened);
  const planned: [TileState, ScenePlan][] = [];
  const turns = new Turns();
  for (const state of wanting) {
    await turns.between();
    const plan = planOrFailure(opened, state, pass, options);
    if (isTilerError(plan)) await pass.giveUp(state, opened.scene, plan);
    else if (plan !== null) planned.push([state, plan]);
    if (plan !== null && !isTilerError(plan) && plan.isOverread) options.counters.overreads++;
  }
  for (const group of groupsBySize(planned, options.maxPrefetchBytes)) {
    const { blocks, failure: failed } = await passTiles(opened, group, options, options);
    const needsPixels = (state: TileState): boolean => options.wantsPixels === true || !blocks.has(state);
    const toRead = group.filter(([state]) => needsPixels(state));
    const failure = failed ?? (await prefetchGroup(opened, toRead, options));
    for (const [state, plan] of group) {
      // Without a turn of the event loop for each tile, native buffers are not released and timers wait.
      await nextTurn();
      options.signal.throwIfAborted();
      const fed = !needsPixels(state)
        ? 'done'
        : (failure ??
          (await feedScene(opened, state, plan, options).catch((error: unknown) => failureOf(error, options.signal))));
      if (isTilerError(fed)) await pass.giveUp(state, opened.scene, fed);
      else if (fed === 'anew') pass.putOff(state);
      else if (fed === 'done') await pass.leave(state, passedTile(mosaicOf(state), opened.scene, blocks.get(state)));
    }
  }
}

/** The plan of a scene for a tile; null = the scene does not touch it, or the tile is put off. */
function planOrFailure(
  opened: OpenScene,
  state: TileState,
  pass: Pass,
  options: ComposeOptions,
): ScenePlan | TilerError | null {
  try {
    const plan = planScene(opened, state.grid, options);
    return plan !== null && pass.reserve(state, opened) ? plan : null;
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

/** The failure of a scene as a value. An abort, and a fault of the program, are none: they go on as they are. */
function failureOf(error: unknown, signal: AbortSignal): TilerError {
  signal.throwIfAborted();
  if (isTilerError(error)) return error;
  throw error;
}
