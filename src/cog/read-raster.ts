import { setImmediate } from 'node:timers/promises';
import type { Raster, Window } from '../raster/raster.ts';
import { warpInSteps } from '../raster/warp.ts';
import type { Cog } from './cog.ts';
import type { ReadPlan } from './plan-read.ts';

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
  const { bands, nodata, signal } = options;
  const pieces: Piece[] = [];
  for (const { destination, source, mapping, scale, isCopy } of plan.parts) {
    const { col, row } = destination;
    const pixels = await cog.readWindow({ level: plan.level, window: source, bands, nodata }, { signal });
    if (isCopy) {
      if (pixels.mask.some((opacity) => opacity !== 0)) pieces.push({ col, row, raster: pixels });
      continue;
    }
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
    for (; step.done !== true; step = steps.next()) await setImmediate(undefined, { signal });
    const raster = step.value;
    if (raster !== null) pieces.push({ col, row, raster });
  }
  return pieces;
}
