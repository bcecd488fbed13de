import type { IoCounters, Logger } from '../../src/observe.ts';
import type { Config } from '../../src/config.ts';
import { searchHalo } from '../../src/mosaic/dynamic-stac-backend.ts';
import { dayOf } from '../../src/stac/relative-datetime.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import type { Halo } from '../../src/tms/metatile.ts';
import { readManifest } from '../manifest.ts';
import { DailyListing } from './daily-listing.ts';
import { createPlan } from '../plan-jobs.ts';
import { runHash } from '../request/request-hash.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { dirtyAtPlaces, reachOf } from './dirty-set.ts';
import { findStale } from './find-stale.ts';
import type { StaleMetatiles } from './find-stale.ts';
import { currentVersion, planOfTileset, readKnown } from './known-tileset.ts';
import type { KnownTileset } from './known-tileset.ts';
import { leftOutAfter, rangesToTry } from './left-out-again.ts';
import { EVERYTHING, isNothing, joinWork, NOTHING } from './pending-work.ts';
import type { PendingWork } from './pending-work.ts';
import { pollCatalog } from './poll-catalog.ts';
import type { Poll } from './poll-catalog.ts';
import { runOrBeginAnew } from './run-or-begin-anew.ts';
import type { RunUpdates, UpdateOutcome } from './update-engine.ts';
import { idsOf, WatchStateStore } from './watch-state.ts';
import type { WatchState } from './watch-state.ts';
import { isOtherItems } from './watched-items.ts';

/** Name of the document beside the tileset that lists the tiles that the last update changed. */
export const CHANGED_TILES_NAME = 'changed-tiles.txt';

export interface WatchLayerOptions {
  readonly request: TilesetRequest;
  readonly config: Config;
  readonly store: TileStore;
  readonly runUpdate: RunUpdates;
  /** Milliseconds between looks at all items; null = always at all. */
  readonly reconcileMs: number | null;
  readonly allowDeletions: boolean;
  /** Counts what is asked of the catalog. */
  readonly counters: IoCounters;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** What one look at the catalog came to. */
export interface Look {
  readonly poll: Poll;
  /** Metatiles that were looked at; null = all. */
  readonly dirty: number | null;
  /** Null if there was nothing to do. */
  readonly update: UpdateOutcome | null;
  /** The tileset that there is now; null = none was finished yet. */
  readonly version: TilesetVersion | null;
  /** A new version was published. */
  readonly isPublished: boolean;
  /** There was no tileset before, or none that an update could begin with. */
  readonly isFirst: boolean;
  /** Something is left for the next look. */
  readonly isPending: boolean;
}

/**
 * Keeps one tileset like its catalog. A look is: what is in the catalog, which metatiles does it differ for, an update of
 * just those. What is to be done is written down before it is begun, and taken off only when it is published, so that
 * nothing is lost whenever this process is killed; doing it twice finds everything as it should be.
 */
export class WatchLayer {
  private readonly options: WatchLayerOptions;
  private readonly state: WatchStateStore;
  private readonly halo: Halo;
  private readonly listing: DailyListing;

  constructor(options: WatchLayerOptions) {
    const { request, store, signal } = options;
    this.options = options;
    this.state = new WatchStateStore(store, runHash(request), signal);
    this.halo = searchHalo(request);
    this.listing = new DailyListing(options);
  }

  /**
   * Looks once.
   *
   * @throws TilerError those of `pollCatalog`, after which everything is as before; those of the engine
   */
  async look(): Promise<Look> {
    const { request, store, signal } = this.options;
    const known = await readKnown(request, store, this.state, { signal });
    const day = dayOf(this.options.now());
    const poll = await this.poll(known, day);
    const work = this.workOf(known, poll);
    if (isNothing(work)) {
      await this.noteNothing(known, poll);
      const { version } = known;
      return { poll, dirty: 0, update: null, version, isPublished: false, isFirst: false, isPending: false };
    }
    await this.begin(known, poll, work);
    const { outcome: update, isAnew } = await this.update(known, work, day);
    const version = await currentVersion(store, { signal });
    const isDone = update.state === 'complete' && version !== null;
    const after = isDone ? await this.settle(version, known, poll, work) : await this.putBack();
    return {
      poll,
      dirty: work.ranges === null ? null : update.metatiles,
      update,
      version,
      isPublished: isDone && version.id !== known.version?.id,
      isFirst: known.version === null || isAnew,
      isPending: !isNothing(after.pending),
    };
  }

  /** Adds items that somebody said to have changed, for the next look. */
  async addItems(ids: readonly string[]): Promise<void> {
    await this.state.add({ ranges: [], ids });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listing[Symbol.asyncDispose]();
  }

  private async poll({ state, items, plan }: KnownTileset, day: string): Promise<Poll> {
    const { request, reconcileMs, allowDeletions, now, signal } = this.options;
    const { listing, windowStart } = await this.listing.on(day);
    // How low the sources are read is not known before the first run; what it sees beyond is new to the look after it.
    const { cover } = plan ?? createPlan({ ...request, sourceMinzoom: request.sourceMinzoom ?? request.maxzoom });
    const bbox = reachOf(cover, this.halo) ?? createPlan(request).bbox;
    const { cursor, listedAt } = state;
    const ids = idsOf(state);
    const memory = { known: items, cursor, listedAt, ids };
    return await pollCatalog({
      listing,
      bbox,
      ...memory,
      windowStart,
      reconcileMs,
      allowDeletions,
      now: now(),
      signal,
    });
  }

  private workOf({ state, plan, isSame, items: before }: KnownTileset, { changes, items }: Poll): PendingWork {
    if (!isSame || plan === null) return EVERYTHING;
    const asked = new Set(idsOf(state));
    const named = [...(before?.values() ?? []), ...items.values()].filter(({ id }) => asked.has(id));
    const ranges = dirtyAtPlaces(plan.cover, this.halo, [...changes.places, ...(asked.size === 0 ? [] : named)]);
    const again = { ranges: rangesToTry(state.leftOut), ids: [] };
    const left = joinWork(state.pending, state.running ?? NOTHING, { ranges, ids: [] }, again);
    return { ...left, ids: [] };
  }

  private async noteNothing({ items, state }: KnownTileset, poll: Poll): Promise<void> {
    const { reconcileMs } = this.options;
    const isOther = isOtherItems(items, poll.items);
    // Where all is listed every time, nothing has to be remembered of a look that saw nothing.
    if (!isOther && isNothing(state.pending) && state.running === null && (reconcileMs === null || !poll.isWhole))
      return;
    await this.state.update((now) => ({
      ...this.stateAfter(now, state, poll),
      ...(isOther ? { items: poll.items } : {}),
    }));
  }

  private async begin({ items, state }: KnownTileset, poll: Poll, work: PendingWork): Promise<void> {
    const isOther = isOtherItems(items, poll.items);
    await this.state.update((now) => ({
      ...this.stateAfter(now, state, poll),
      running: work,
      ...(isOther ? { items: poll.items } : {}),
    }));
  }

  /** What was taken over from the state is taken off it; what came meanwhile stays. */
  private stateAfter(now: WatchState, taken: WatchState, { cursor, isWhole }: Poll): WatchState {
    const listedAt = isWhole ? this.options.now().toISOString() : now.listedAt;
    const isTaken = JSON.stringify(now.pending) === JSON.stringify(taken.pending);
    return { ...now, cursor, listedAt, pending: isTaken ? NOTHING : now.pending, running: null };
  }

  private async update({ version }: KnownTileset, { ranges }: PendingWork, day: string) {
    const { request } = this.options;
    const { mosaic } = request;
    const dated = { ...request, mosaic: { ...mosaic, asOf: mosaic.asOf ?? day } };
    try {
      const only = ranges === null ? null : () => ranges;
      const update = { only, changedTilesFile: CHANGED_TILES_NAME };
      return await runOrBeginAnew(dated, update, { ...this.options, version });
    } catch (error) {
      await this.putBack().catch(() => {});
      throw error;
    }
  }

  private async settle(
    version: TilesetVersion,
    { isSame }: KnownTileset,
    poll: Poll,
    work: PendingWork,
  ): Promise<WatchState> {
    // What was looked at for no other reason than that it was not as expected is not looked at for that again.
    const isExpecting = !isSame || poll.changes.places.length > 0;
    const { stale, leftOut } = await this.staleAfter(version, poll, work, isExpecting);
    const left: PendingWork = { ranges: isExpecting ? stale : [], ids: [] };
    return await this.state.update((now) => ({
      ...now,
      version: version.id,
      pending: joinWork(now.pending, left),
      running: null,
      leftOut: leftOutAfter(now.leftOut, leftOut),
    }));
  }

  private async staleAfter(
    version: TilesetVersion,
    { items }: Poll,
    { ranges }: PendingWork,
    isExpecting: boolean,
  ): Promise<StaleMetatiles> {
    const { store, request, signal } = this.options;
    if (!isExpecting && request.onAssetError !== 'skip') return { stale: [], leftOut: [] };
    const plan = planOfTileset(request, (await readManifest(store, { signal })) ?? {});
    const records = await store.openRecords(version, { signal });
    return await findStale({ plan, halo: this.halo, ranges, items, records, signal });
  }

  private async putBack(): Promise<WatchState> {
    return await this.state.update((now) => ({
      ...now,
      pending: joinWork(now.pending, now.running ?? NOTHING),
      running: null,
    }));
  }
}
