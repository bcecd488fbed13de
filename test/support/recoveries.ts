import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosWorld } from './chaos-world.ts';
import { executorOf, heldJobs } from './held-jobs.ts';
import type { WorkerProcess } from './worker-process.ts';

/** What a SIGKILL cost, or a server that was away: times since then, or since it was back. */
export interface Recovery {
  readonly what: string;
  /** Metatiles that were settled by then. */
  readonly settled: number;
  /** Metatiles that the process had under way. */
  readonly held: number;
  /** Until any further metatile was settled; null = the run had none left. */
  readonly progressMs: number | null;
  /** Until other processes had all its jobs, metatiles and supervisor, or had ended them; null = it had none. */
  readonly takenOverMs: number | null;
  /** Until all metatiles that it had were settled; null = it had none. */
  readonly settledMs: number | null;
}

/** Kills processes of a run and measures how it goes on. */
export interface Recoveries {
  /** Resolves when the process is gone. */
  kill(what: string, victim: WorkerProcess): Promise<void>;
  /** Measures from the end of what is done to a server, when it is well again; resolves then. */
  interrupt(what: string, act: () => Promise<void>): Promise<void>;
  /** Resolves when the run has gone on after all of these. */
  all(): Promise<readonly Recovery[]>;
}

/** What a killed process had, or nothing. */
interface Loss {
  readonly what: string;
  readonly startedAt: number;
  readonly settled: number;
  /** Indices of its metatiles. */
  readonly held: readonly number[];
  readonly jobs: readonly { readonly queue: 'metatiles' | 'runs'; readonly id: string }[];
  readonly pid: number;
  /** No metatile was left to settle. */
  readonly isAll: boolean;
}

/** How often the run is looked at. */
const LOOK_MS = 20;

export function createRecoveries(world: ChaosWorld, run: string): Recoveries {
  const { look, prefix, queues } = world;
  const watched: Promise<Recovery>[] = [];
  const settledNow = async (): Promise<number> => (await queues.runStore.progress(run))?.settledMetatiles ?? 0;

  const isWithOthers = async ({ jobs, pid }: Loss): Promise<boolean> => {
    const executors = await Promise.all(jobs.map(({ queue, id }) => executorOf(look, prefix, queue, id)));
    return !executors.includes(pid);
  };

  const measure = async (loss: Loss): Promise<Recovery> => {
    const { what, startedAt, settled, held, jobs, isAll } = loss;
    let progressMs: number | null = null;
    let takenOverMs: number | null = null;
    let settledMs: number | null = null;
    for (;;) {
      const [now, open] = [await settledNow(), await queues.runStore.bits.unsettled(run, held)];
      const isTakenOver = await isWithOthers(loss);
      const elapsed = performance.now() - startedAt;
      if (now > settled) progressMs ??= elapsed;
      if (jobs.length > 0 && isTakenOver) takenOverMs ??= elapsed;
      if (held.length > 0 && open.length === 0) settledMs ??= elapsed;
      if (isTakenOver && open.length === 0 && (progressMs !== null || isAll)) {
        return { what, settled, held: held.length, progressMs, takenOverMs, settledMs };
      }
      await sleep(LOOK_MS);
    }
  };

  const watch = (loss: Loss): void => {
    const promise = measure(loss);
    // Looked at in `all`; until then a failure must not end the process.
    promise.catch(() => {});
    watched.push(promise);
  };

  return {
    async kill(what, victim) {
      // Stopped first, so that what it holds is what it holds when it dies.
      victim.kill('SIGSTOP');
      const { pid } = victim;
      const [metatiles, runs] = [await heldJobs(look, prefix, 'metatiles'), await heldJobs(look, prefix, 'runs')];
      const mine = metatiles.filter((job) => job.pid === pid);
      const held = mine.map(({ id }) => Number(id.slice(run.length + 1)));
      const jobs = [
        ...mine.map(({ id }) => ({ queue: 'metatiles' as const, id })),
        ...runs.filter((job) => job.pid === pid).map(({ id }) => ({ queue: 'runs' as const, id })),
      ];
      const settled = await settledNow();
      const isAll = settled >= ((await queues.runStore.get(run))?.metatiles ?? 0);
      victim.kill('SIGKILL');
      await victim.exited;
      watch({ what, startedAt: performance.now(), settled, held, jobs, pid, isAll });
    },
    async interrupt(what, act) {
      await act();
      watch({
        what,
        startedAt: performance.now(),
        settled: await settledNow(),
        held: [],
        jobs: [],
        pid: 0,
        isAll: false,
      });
    },
    all: () => Promise.all(watched),
  };
}
