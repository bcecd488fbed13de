import type { Queue } from 'bullmq';
import type { Config } from '../src/config.ts';
import type { MetatilePayload } from '../jobs/queue/catalog.ts';
import { joinAt } from '../jobs/queue/lanes.ts';
import type { Turn } from '../jobs/queue/lanes.ts';
import type { RunProgress } from '../jobs/queue/run-record.ts';
import type { RunStore } from '../jobs/queue/run-store.ts';

/** What a run may add to the queue now. */
export interface QueueRoom {
  /** How many metatiles; may be negative. */
  readonly room: number;
  /** How many of its metatiles may wait. */
  readonly bound: number;
  /** Its turn; null = before all runs that have one. */
  readonly turn: Turn | null;
}

/**
 * How many metatiles a run may add, and when they are served. All normal runs together may have `queue.high` metatiles
 * waiting, each an equal share; hot runs together as many again, since they must not wait for room either.
 */
export async function joinQueue(
  parts: {
    readonly metatiles: Queue<MetatilePayload>;
    readonly runStore: RunStore;
    readonly config: Pick<Config, 'queue'>;
  },
  { hot }: Pick<RunProgress, 'hot'>,
  { run, waiting, turn }: { readonly run: string; readonly waiting: number; readonly turn: Turn },
): Promise<QueueRoom> {
  const { metatiles, runStore, config } = parts;
  const { high } = config.queue;
  const counts = await metatiles.getJobCounts('waiting', 'prioritized', 'delayed');
  // BullMQ keeps jobs without a priority in a list of their own.
  if (hot) return { room: high - (counts['waiting'] ?? 0), bound: high, turn: null };
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const [{ runs, tick }, [next]] = await Promise.all([runStore.turns.share(run), metatiles.getPrioritized(0, 0)]);
  const bound = Math.ceil(high / runs);
  const room = Math.min(high - all, bound - waiting);
  // With nothing of anybody in the queue, ticks may begin anew.
  if (runs === 1 && all === 0) {
    await runStore.turns.serve(1);
    return { room, bound, turn: { tick: 1, taken: 0 } };
  }
  const joined = joinAt(turn, next?.priority ?? tick);
  await runStore.turns.serve(next?.priority ?? joined.tick);
  return { room, bound, turn: { tick: joined.tick, taken: joined.taken } };
}
