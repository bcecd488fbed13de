import { setTimeout as sleep } from 'node:timers/promises';
import type { ChaosWorld } from './chaos-world.ts';
import { executorOf, heldJobs } from './held-jobs.ts';
import type { WorkerProcess } from './worker-process.ts';

/** What a SIGKILL cost. */
export interface Recovery {
  readonly what: string;
  /** Metatiles that were settled by then. */
  readonly settled: number;
  /** Metatiles that the process had under way. */
  readonly held: number;
  /** Until any further metatile was settled; null = the run had none left. */
  readonly progressMs: number | null;
  /** Until all that it had under way, metatiles and supervisor, was with others, metatiles settled; null = it had nothing. */
  readonly takenOverMs: number | null;
}

/** Kills processes of a run and measures how it goes on. */
export interface Recoveries {
  /** Resolves when the process is gone. */
  kill(what: string, victim: WorkerProcess): Promise<void>;
  /** Resolves when the run has gone on after every kill. */
  all(): Promise<readonly Recovery[]>;
}

/** What a killed process had. */
interface Loss {
  readonly what: string;
  readonly settled: number;
  /** Indices of its metatiles. */
  readonly held: readonly number[];
  /** The job of the supervisor, if it had it. */
  readonly supervisor: string | null;
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

  const watch = async ({ what, settled, held, supervisor, pid, isAll }: Loss): Promise<Recovery> => {
    const startedAt = performance.now();
    const hadNothing = held.length === 0 && supervisor === null;
    let progressMs: number | null = null;
    let takenOverMs: number | null = null;
    for (;;) {
      const [now, open] = [await settledNow(), await queues.runStore.bits.unsettled(run, held)];
      const executor = supervisor === null ? null : await executorOf(look, prefix, 'runs', supervisor);
      const elapsed = performance.now() - startedAt;
      if (progressMs === null && now > settled) progressMs = elapsed;
      if (!hadNothing && open.length === 0 && executor !== pid) takenOverMs ??= elapsed;
      if ((takenOverMs !== null || hadNothing) && (progressMs !== null || isAll)) {
        return { what, settled, held: held.length, progressMs, takenOverMs };
      }
      await sleep(LOOK_MS);
    }
  };

  return {
    async kill(what, victim) {
      // Stopped first, so that what it holds is what it holds when it dies.
      victim.kill('SIGSTOP');
      const { pid } = victim;
      const [metatiles, runs] = [await heldJobs(look, prefix, 'metatiles'), await heldJobs(look, prefix, 'runs')];
      const held = metatiles.filter((job) => job.pid === pid).map(({ id }) => Number(id.slice(run.length + 1)));
      const supervisor = runs.find((job) => job.pid === pid)?.id ?? null;
      const settled = await settledNow();
      const isAll = settled >= ((await queues.runStore.get(run))?.metatiles ?? 0);
      victim.kill('SIGKILL');
      await victim.exited;
      const promise = watch({ what, settled, held, supervisor, pid, isAll });
      // Looked at in `all`; until then a failure must not end the process.
      promise.catch(() => {});
      watched.push(promise);
    },
    all: () => Promise.all(watched),
  };
}
