import { setImmediate } from 'node:timers/promises';
import { NO_STAGES } from '../observe.ts';
import type { StageMeter } from '../observe.ts';
import { isBlank } from '../raster/mask.ts';
import type { Raster, Window } from '../raster/raster.ts';
import { warpInSteps } from '../raster/warp.ts';
import type { Cog } from './cog.ts';
import type { ReadPlan } from './plan-read.ts';
import { WindowRoom } from './window-room.ts';

/** Pixels of a scene on the grid of a tile: `raster` lies with its pixel (0, 0) at (`col`, `row`) of the tile. */
export interface Piece {
  readonly col: number;
  readonly row: number;
  readonly raster: Raster;
}

export interface ReadPlanOptions {
  /** 1-based. */
  readonly bands: readonly number[];
  /** Overrides the file's nodata, alpha and mask; may be NaN; null = the file decides. */
  readonly nodata: number | null;
  readonly stages?: StageMeter | undefined;
  readonly signal: AbortSignal;
}

/** The windows that `readPlan` will read, all of level `plan.level`: prefetch those of a metatile's plans in one call. */
export function sourceWindows(plan: ReadPlan): readonly Window[] {
  return plan.parts.map((part) => part.source);
}

/**
 * Carries out a plan: reads the source windows and warps them to the tile's grid, or takes them as they are where they lie
 * on it. Pieces without a valid pixel are left out, so an empty list means that the scene has nothing here. Pieces of one
 * plan do not share valid pixels, except for a scene wider than the world, where the earlier piece counts. Gives way to
 * other work about every 20 ms.
 *
 * @throws TilerError those of `Cog.readWindow`
 */
export async function readPlan(cog: Cog, plan: ReadPlan, options: ReadPlanOptions): Promise<readonly Piece[]> {
  const pieces: Piece[] = [];
  for (const part of plan.parts) {
    const { col, row } = part.destination;
    const raster = await readPart(cog, plan, part, options);
    if (raster !== null) pieces.push({ col, row, raster });
  }
  return pieces;
}

/** Joining blocks to a window that takes longer is followed by a turn of the event loop before the warp. */
const TURN_MS = 10;

/** The pixels of one part on the tile's grid; `null` = none is valid. */
async function readPart(
  cog: Cog,
  plan: ReadPlan,
  { destination, source, mapping, scale, isCopy }: ReadPlan['parts'][number],
  { bands, nodata, stages = NO_STAGES, signal }: ReadPlanOptions,
): Promise<Raster | null> {
  const request = { level: plan.level, window: source, bands, nodata };
  if (cog.isEmptyWindow(request)) return null;
  if (isCopy) {
    const pixels = await cog.readWindow(request, { signal });
    return isBlank(pixels.mask) ? null : pixels;
  }
  // The warp copies what it is given, so that nothing of it is left in the result.
  const room = new WindowRoom();
  try {
    const askedAt = performance.now();
    const pixels = await cog.readWindow({ ...request, room }, { signal });
    if (performance.now() - askedAt > TURN_MS) await setImmediate(undefined, { signal });
    let startedAt = performance.now();
    const steps = warpInSteps({
      source: pixels,
      window: source,
      imageWidth: plan.levelWidth,
      imageHeight: plan.levelHeight,
      width: destination.width,
      height: destination.height,
      mapping,
      resampling: plan.resampling,
      scale,
    });
    let step = steps.next();
    let passedMs = performance.now() - startedAt;
    while (step.done !== true) {
      await setImmediate(undefined, { signal });
      // What others do in between is no time of this warp.
      startedAt = performance.now();
      step = steps.next();
      passedMs += performance.now() - startedAt;
    }
    stages.observe('warp', passedMs / 1000);
    return step.value;
  } finally {
    room.release();
  }
}
