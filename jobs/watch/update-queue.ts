import type { Config } from '../../src/config.ts';
import { followRun } from '../queue/follow-run.ts';
import { produceRun } from '../queue/produce.ts';
import type { Queues } from '../queue/queues.ts';
import type { Progress } from '../progress.ts';
import type { RunUpdates, UpdateOutcome } from './update-engine.ts';

export interface UpdateQueueOptions {
  readonly config: Config;
  readonly queues: Queues;
  readonly progress: () => Progress;
}

/**
 * Hands updates to the workers of the queue, and waits for their end. A run that writes to the output already, such as that
 * of a watcher that was killed, is waited for first.
 */
export function updatesByQueue({ config, queues, progress }: UpdateQueueOptions): RunUpdates {
  return async (request, update, { signal }) => {
    for (;;) {
      signal.throwIfAborted();
      const asked = { request, config, queues, force: update === null, update, keepParts: true, signal };
      const produced = await produceRun(asked);
      if (produced.kind === 'complete') {
        const { rendered = 0, metatiles = 0, tiles: total = 0 } = produced.manifest.counts ?? {};
        return { run: produced.run, state: 'complete', total, rendered, failed: 0, metatiles, unchanged: metatiles };
      }
      const summary = await followRun(queues.runStore, produced.run, { progress: progress(), signal });
      const outcome: UpdateOutcome = { unchanged: 0, ...summary };
      const isOurs = produced.kind === 'created' || produced.kind === 'continued';
      if (isOurs || summary.state === 'interrupted') return outcome;
    }
  };
}
