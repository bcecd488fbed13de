import pLimit from 'p-limit';
import type { StoreCallOptions, TileStore } from '../src/store/tile-store.ts';
import { withParents } from '../src/tms/cover-ranges.ts';
import { coarsenRanges, countIndices, unionRanges } from '../src/tms/index-ranges.ts';
import type { IndexRange, IndexRanges } from '../src/tms/index-ranges.ts';
import type { MetatileWork } from '../src/tms/metatile.ts';
import { rangesFromText, rangesToText } from '../src/tms/ranges-text.ts';
import type { Tile } from '../src/tms/tile.ts';
import { batches } from './batches.ts';
import { createPlan } from './plan-jobs.ts';
import type { PlanRequest, TilesetPlan } from './plan-jobs.ts';
import { MAX_RANGES } from './run-update.ts';
import type { RunUpdate, UpdateOptions } from './run-update.ts';

/** Parts looked for at the same time, and metatiles that are made of them. */
const PARTS_AT_ONCE = 16;
const WORKS_AT_ONCE = 8;

export interface PrepareUpdateOptions extends StoreCallOptions {
  readonly store: TileStore;
  readonly asked: UpdateOptions;
  /** Nothing that was handed on counts. */
  readonly dropsParts: boolean;
}

/**
 * Finds the metatiles that an update looks at: those that are asked for, those that an abandoned update has left undone or
 * half done, those that are made of them, and those that one of them is made of and whose pixels are not in the store any
 * more. Changes nothing.
 *
 * @throws TilerError those of `TileStore`
 */
export async function prepareUpdate(
  request: PlanRequest,
  update: RunUpdate,
  { store, asked, dropsParts, signal }: PrepareUpdateOptions,
): Promise<RunUpdate> {
  const plan = createPlan(request);
  const { changedTilesFile } = asked;
  let only = await rangesOf(store, plan, update, { asked, signal });
  // All are looked at, and those without a part are rendered.
  if (only === null) return { ...update, only, changedTilesFile };
  for (;;) {
    const missing = plan.handsTilesOn ? await withoutParts(dropsParts ? null : store, request, only, signal) : [];
    const more = coarsenRanges(unionRanges(only, rangesOfIndices(missing)), MAX_RANGES);
    // Closing gaps may bring further ones in that are made of tiles.
    const isAll = countIndices(more) === countIndices(only);
    only = more;
    if (isAll) return { ...update, only: rangesToText(only), changedTilesFile };
  }
}

async function rangesOf(
  store: TileStore,
  plan: TilesetPlan,
  { only }: RunUpdate,
  { asked, signal }: Pick<PrepareUpdateOptions, 'asked' | 'signal'>,
): Promise<IndexRanges | null> {
  if (only === null || asked.only === null) return null;
  const staged: number[] = [];
  for await (const index of store.stagedIndices({ signal })) staged.push(index);
  const all = unionRanges(asked.only(plan), rangesFromText(only), rangesOfIndices(staged));
  return withParents(plan.cover, unionRanges(all.map(({ from, to }) => ({ from, to: Math.min(to, plan.indexCount) }))));
}

function rangesOfIndices(indices: readonly number[]): readonly IndexRange[] {
  return unionRanges(indices.map((index) => ({ from: index, to: index + 1 })));
}

/**
 * Metatiles without a part in the store that those of an update are made of, down to those that are rendered from scenes;
 * ascending.
 *
 * @param store - null = there is no part at all
 */
async function withoutParts(
  store: TileStore | null,
  request: PlanRequest,
  only: IndexRanges,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const whole = createPlan(request);
  const limit = pLimit(PARTS_AT_ONCE);
  const missing = new Set<number>();
  let further: MetatileWork[] = [];
  const look = async (work: MetatileWork): Promise<void> => {
    const indices = whole.childIndicesOf(work);
    const lookAt = async (child: Tile, index: number): Promise<void> => {
      signal.throwIfAborted();
      const part = store === null ? null : await store.getPart(child, { signal });
      // One without a byte stands for a metatile that failed.
      if (part !== null && part.length > 0) return;
      const below = whole.isMadeOfTiles(index) && !missing.has(index) ? whole.workAt(index) : null;
      if (below !== null) further.push(below);
      missing.add(index);
    };
    await Promise.all((work.children ?? []).map((child, n) => limit(() => lookAt(child, indices[n]!))));
  };
  const made = createPlan(request, { only }).works({ fromIndex: firstMadeOfTiles(whole) });
  for (const works of batches(made, WORKS_AT_ONCE)) await Promise.all(works.map(look));
  while (further.length > 0) {
    const works = further;
    further = [];
    for (const batch of batches(works, WORKS_AT_ONCE)) await Promise.all(batch.map(look));
  }
  return [...missing].sort((a, b) => a - b);
}

/** The first index that stands for a metatile that is made of tiles; `indexCount` if none does. */
function firstMadeOfTiles({ cover, indexCount }: TilesetPlan): number {
  return cover.zooms.find(({ from }) => from === 'children')?.firstIndex ?? indexCount;
}
