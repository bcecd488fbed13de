import type { Queue } from 'bullmq';
import type { Config } from '../src/config.ts';
import { createIoCounters } from '../src/observe.ts';
import type { Logger } from '../src/observe.ts';
import { allTilesOf } from '../src/tms/metatile.ts';
import { openOutput } from '../jobs/open-output.ts';
import { METATILE_QUEUE } from '../jobs/queue/catalog.ts';
import type { MetatilePayload } from '../jobs/queue/catalog.ts';
import { failedIndices } from '../jobs/queue/run-jobs.ts';
import type { RunStore } from '../jobs/queue/run-store.ts';
import { failTiles } from '../jobs/retry.ts';
import { PLAIN_MODE } from '../jobs/run-update.ts';
import { spoilPart } from '../jobs/spoil-part.ts';
import { plainAbort } from './abort.ts';
import type { PlannedRun } from './planned-runs.ts';

interface SettleLostOptions {
  readonly config: Config;
  readonly runStore: RunStore;
  readonly metatiles: Queue<MetatilePayload>;
  readonly logger: Logger;
}

/**
 * Counts metatiles as failed whose job BullMQ gave up without their processor having a say: those that killed their
 * process too often.
 */
export async function settleLost(
  { metatiles, runStore, logger, config }: SettleLostOptions,
  { record, plan }: PlannedRun,
  indices: readonly number[],
): Promise<void> {
  const { run, mode = PLAIN_MODE } = record;
  const failed = indices.length === 0 ? null : await failedIndices(metatiles, run);
  for (const index of indices) {
    if (failed?.has(index) !== true) continue;
    const id = METATILE_QUEUE.jobId({ v: 1, run, index });
    const reason = (await metatiles.getJob(id))?.failedReason;
    const message = `Rendering the metatile ${index}: ${reason ?? 'its job is gone'}`;
    logger.warn({ run, index, code: 'WORKER_LOST' }, message);
    const work = plan.workAt(index);
    const tiles = work === null ? [] : allTilesOf(work);
    const failures = failTiles(tiles, { code: 'WORKER_LOST', message, retryAfterMs: null });
    if (mode.update !== null) {
      const signal = plainAbort();
      await using store = await openOutput(record.request, config, { counters: createIoCounters(), signal });
      await spoilPart(store, work, { signal });
    }
    await runStore.fail(run, { index, rendered: 0, empty: 0, failures });
    await metatiles.remove(id);
  }
}
