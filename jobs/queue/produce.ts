import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import { NOTHING_LEFT_OUT } from '../../src/render/left-out.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import { askSources } from '../ask-sources.ts';
import { finishTileset } from '../finish-tileset.ts';
import { readManifest, runId } from '../manifest.ts';
import { openOutput } from '../open-output.ts';
import { prepareRun } from '../prepare-run.ts';
import type { PreparedRun } from '../prepare-run.ts';
import { requestHash, runHash } from '../request/request-hash.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import type { UpdateOptions } from '../run-update.ts';
import type { Priority } from './lanes.ts';
import { seedRun } from './producer.ts';
import type { SeedOutcome } from './producer.ts';
import type { Queues } from './queues.ts';

export interface ProduceOptions {
  readonly request: TilesetRequest;
  readonly config: Config;
  readonly queues: Queues;
  /** Begin anew and write over what is there. */
  readonly force: boolean;
  /** Bring a finished tileset up to date. Absent or null = leave it as it is. */
  readonly update?: UpdateOptions | null;
  /** Keep what metatiles hand on for lower zooms, so that updates need not render more for its sake. Default false. */
  readonly keepParts?: boolean;
  /** The lane that is asked for; null or absent = by its size. */
  readonly priority?: Priority | null;
  /** Failed tiles that end the run: `100` or `1%`; null or absent = it goes on to its end. */
  readonly maxFailures?: string | null;
  /** Told what the run is before it is enqueued; not of one that was found. */
  readonly onPrepared?: (prepared: PreparedRun) => void;
  readonly signal: AbortSignal;
}

/**
 * Enqueues a request, or an update of its output, for the workers: asks the sources, plans, and seeds. `followRun` waits for
 * its end.
 *
 * An update of an output to which a run of the same request writes is `found` or `paused`: that run goes on, and what this
 * one was asked to look at is no part of it. Once it has ended, the update may be asked for again.
 *
 * @throws TilerError `STORE_CONFLICT`, also for an update of an output to which a run of another request writes, and those of
 * `prepareRun` and `seedRun`
 */
export async function produceRun(options: ProduceOptions): Promise<SeedOutcome> {
  const { request: asked, config, queues, force, update = null, keepParts = false, signal } = options;
  const counters = createIoCounters();
  await using store = await openOutput(asked, config, { counters, signal });
  if (update !== null && !force) {
    const found = await findOpenRun(queues, asked);
    if (found !== null) return found;
  }
  const preparing = { store, config, force, update, keepParts, ask: askSources, counters, signal };
  const prepared = await prepareRun(asked, preparing);
  const closed = await closePublished(queues, store, prepared, signal);
  if (closed !== null) return closed;
  options.onPrepared?.(prepared);
  const { request, plan, start, mode } = prepared;
  const { tiles, metatiles } = plan.counts();
  return await seedRun({
    ...queues,
    record: { request, requestHash: prepared.requestHash, indexCount: plan.indexCount, metatiles, tiles, mode },
    store,
    start,
    attempts: config.retry.attempts,
    zooms: plan.zooms,
    priority: options.priority ?? null,
    hotMetatiles: config.queue.hotMetatiles,
    maxFailures: options.maxFailures ?? null,
    signal,
  });
}

/**
 * Says that a run is complete whose version is published, if Redis does not know it any more: there is nothing left to
 * render. Null = there is such a run, or none.
 */
async function closePublished(
  { runStore }: Queues,
  store: TileStore,
  { request, requestHash: hash, start, mode }: PreparedRun,
  signal: AbortSignal,
): Promise<SeedOutcome | null> {
  if (start.kind === 'complete' || start.isPublished !== true) return null;
  const { generation } = start;
  const run = runId(runHash(request), generation);
  if ((await runStore.progress(run)) !== null) return null;
  const nothing = { metatiles: 0, unchanged: 0, rendered: 0, empty: 0, failed: 0, failures: [] };
  const leftOut = NOTHING_LEFT_OUT;
  await finishTileset(store, { request, requestHash: hash, generation, mode, ...nothing, leftOut, signal });
  const manifest = await readManifest(store, { signal });
  return manifest === null ? null : { kind: 'complete', run, manifest };
}

/** The run that writes to the output now; null = none does. */
async function findOpenRun({ runStore }: Queues, request: TilesetRequest): Promise<SeedOutcome | null> {
  const run = await runStore.runOf(request.output);
  const state = run === null ? null : ((await runStore.progress(run))?.state ?? null);
  if (run === null || (state !== 'running' && state !== 'paused')) return null;
  const record = await runStore.get(run);
  if (record?.requestHash === requestHash(request)) return { kind: state === 'paused' ? 'paused' : 'found', run };
  throw new TilerError(
    'STORE_CONFLICT',
    `Updating ${request.output}: found the run ${run} of another request, which is ${state}; wait for it or cancel it`,
  );
}
