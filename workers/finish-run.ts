import type { Queue } from 'bullmq';
import type { Config } from '../src/config.ts';
import { isTilerError } from '../src/errors.ts';
import { createIoCounters } from '../src/observe.ts';
import type { Logger } from '../src/observe.ts';
import type { TilesetVersion } from '../src/store/versions.ts';
import { finishTileset } from '../jobs/finish-tileset.ts';
import { openOutput } from '../jobs/open-output.ts';
import type { MetatilePayload } from '../jobs/queue/catalog.ts';
import { removeWaitingJobs } from '../jobs/queue/run-jobs.ts';
import type { RunStore } from '../jobs/queue/run-store.ts';
import { PLAIN_MODE } from '../jobs/run-update.ts';
import type { PlannedRun } from './planned-runs.ts';

export interface FinishOptions {
  readonly config: Config;
  readonly runStore: RunStore;
  readonly metatiles: Queue<MetatilePayload>;
  readonly logger: Logger;
  /** What closes a tileset; a benchmark of all else gives one that costs nothing. */
  readonly finishTileset?: typeof finishTileset | undefined;
}

/**
 * Ends a run whose metatiles are settled, or whose failure budget is used up: closes its tileset, then changes the state,
 * which only one process can do.
 *
 * @throws TilerError what may pass, so that another look tries it again; an `AbortError` when `signal` is aborted
 */
export async function finishRun(
  { config, runStore, metatiles, logger, finishTileset: finish = finishTileset }: FinishOptions,
  { record }: PlannedRun,
  isBudgetUsedUp: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { run, request, requestHash, generation, mode = PLAIN_MODE } = record;
  if (isBudgetUsedUp) await removeWaitingJobs(metatiles, run);
  const counters = createIoCounters();
  await using store = await openOutput(request, config, { counters, signal });
  const [progress, failures, leftOut] = await Promise.all([
    runStore.progress(run),
    runStore.failures(run),
    runStore.leftOut(run),
  ]);
  if (progress === null) return;
  const { rendered, empty, failed, metatiles: looked, unchangedMetatiles: unchanged } = progress;
  const counts = { metatiles: looked, unchanged, rendered, empty, failed };
  const closing = { request, requestHash, generation, mode, ...counts, failures, leftOut, signal };
  const reason = await close(runStore, run, () => finish(store, closing));
  // Settled first by whoever is faster; documents written twice have the same bytes.
  const state = failed > 0 || reason !== null ? 'failed' : 'complete';
  if (!(await runStore.changeState(run, ['running'], state))) return;
  const text = reason ?? (isBudgetUsedUp ? 'failure budget used up' : 'run ended');
  logger.info({ run, state, rendered, empty, failed }, text);
}

/** Notes the version of a run, or why there can be none: trying again for ever would not help. Null = it is finished. */
async function close(
  runStore: RunStore,
  run: string,
  finishing: () => Promise<TilesetVersion | null>,
): Promise<string | null> {
  try {
    const version = await finishing();
    if (version !== null) await runStore.note(run, 'version', version.id);
    return null;
  } catch (error) {
    if (!isTilerError(error) || error.retry !== 'never') throw error;
    await runStore.note(run, 'reason', error.message);
    return error.message;
  }
}
