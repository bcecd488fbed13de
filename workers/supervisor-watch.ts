import type { Logger } from '../src/observe.ts';
import { ensureSupervisor } from '../jobs/queue/run-jobs.ts';
import type { SupervisorQueue } from '../jobs/queue/run-jobs.ts';

/** How often one of all workers looks; the first time after a random part of it, so that they do not all ask at once. */
const LOOK_MS = 30_000;

/** What a look needs. */
export type SupervisorWatchOptions = SupervisorQueue & { readonly logger: Logger };

/**
 * Gives a supervisor to every running run that has none: the caller that created, resumed or took it up died before it
 * could, or its supervisor failed for good.
 *
 * @returns the names of these runs
 */
export async function restoreSupervisors(options: SupervisorWatchOptions): Promise<readonly string[]> {
  const restored: string[] = [];
  for (const run of await options.runStore.listOpen()) {
    if (!(await ensureSupervisor(options, run))) continue;
    options.logger.warn({ run }, 'the run had no supervisor, and has one again');
    restored.push(run);
  }
  return restored;
}

/** Looks for such runs as long as this worker lives; of all workers one does so each half minute. */
export function watchSupervisors(options: SupervisorWatchOptions): Disposable {
  const { runStore, logger } = options;
  const look = async (): Promise<void> => {
    try {
      // A little less, so that a turn is not missed by a hair.
      if (await runStore.turns.takeWatch(LOOK_MS * 0.9)) await restoreSupervisors(options);
    } catch (error) {
      logger.warn({ cause: String(error) }, 'runs without a supervisor could not be looked for');
    }
  };
  let timer = setTimeout(
    function again() {
      timer = setTimeout(again, LOOK_MS).unref();
      void look();
    },
    Math.random() * LOOK_MS * 0.1,
  ).unref();
  return {
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}
