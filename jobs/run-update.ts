import type { TilesetVersion } from '../src/store/versions.ts';
import type { IndexRanges } from '../src/tms/index-ranges.ts';
import { rangesFromText } from '../src/tms/ranges-text.ts';
import { createPlan } from './plan-jobs.ts';
import type { PlanRequest, TilesetPlan } from './plan-jobs.ts';
import type { TilesetRequest } from './request/request-schema.ts';

/** The most ranges of metatiles that an update keeps: with more, the smallest gaps between them are closed. */
export const MAX_RANGES = 50_000;

/** How an update of a finished tileset is asked for. */
export interface UpdateOptions {
  /**
   * The metatiles that may have changed, by their indices in the plan of the run, which it is called with; null = all.
   * Metatiles that are made of them are added, and so are those that it could not be made of otherwise. Not asked if the
   * request, its plan or the renderer is another than that of the tileset: then all may have changed.
   */
  readonly only: ((plan: TilesetPlan) => IndexRanges) | null;
  /**
   * Name of a document beside the tileset, which gets a line `kind z/x/y` for each tile that was added, changed, removed or
   * emptied; null = none.
   */
  readonly changedTilesFile: string | null;
}

/** What makes a run an update: fixed when it begins. */
export interface RunUpdate {
  /** The metatiles that it looks at, as `rangesToText` writes them; null = all. */
  readonly only: string | null;
  /** The version that it begins with. */
  readonly baseline: TilesetVersion;
  /** Of that version, where its plan is another; null = it is the same. */
  readonly basePlan: PlanFields | null;
  readonly changedTilesFile: string | null;
}

/** How a run goes about its output. */
export interface RunMode {
  /** Null = all metatiles are rendered. */
  readonly update: RunUpdate | null;
  /** Tiles of other plans may be there, which are deleted in the end. */
  readonly sweeps: boolean;
  /** What metatiles hand on for lower zooms stays when the run is complete, for updates. */
  readonly keepsParts: boolean;
}

/** That of a run that renders everything to an output in which nothing is of another plan. */
export const PLAIN_MODE: RunMode = { update: null, sweeps: false, keepsParts: false };

/** The fields of a request that its plan is made of: nothing of them is a secret. */
export type PlanFields = Pick<TilesetRequest, 'area' | 'minzoom' | 'maxzoom' | 'metatileSize' | 'sourceMinzoom'>;

/** The fields of a request that decide its plan. */
export function planFieldsOf({
  area,
  minzoom,
  maxzoom,
  metatileSize,
  sourceMinzoom = minzoom,
}: PlanRequest): PlanFields {
  return { area, minzoom, maxzoom, metatileSize, sourceMinzoom };
}

/** True if the indices of two plans mean the same. */
export function isSamePlan(a: PlanFields, b: PlanFields): boolean {
  return JSON.stringify(planFieldsOf(a)) === JSON.stringify(planFieldsOf(b));
}

/** The plan of a run: of an update, cut to the metatiles that it looks at. */
export function planOfRun(request: PlanRequest, update: Pick<RunUpdate, 'only'> | null): TilesetPlan {
  const only = update?.only ?? null;
  return createPlan(request, { only: only === null ? null : rangesFromText(only) });
}
