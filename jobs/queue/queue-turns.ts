import type { RedisConnection } from './redis.ts';
import type { RunKeys } from './run-keys.ts';
import { SHARE_QUEUE } from './run-scripts.ts';

/** A run that has not looked for so long adds nothing: it is paused, or its supervisor is dead. */
const SHARING_MS = 10_000;

/** What the supervisors of all runs tell each other about the one queue of metatiles. */
export class QueueTurns {
  private readonly redis: RedisConnection;
  private readonly keys: RunKeys;

  constructor(redis: RedisConnection, keys: RunKeys) {
    this.redis = redis;
    this.keys = keys;
  }

  /** Says that a run adds metatiles to the queue. @returns how many runs do so, and the tick that is being served */
  async share(run: string): Promise<{ readonly runs: number; readonly tick: number }> {
    const { sharing, tick } = this.keys;
    const found = await this.redis.eval(SHARE_QUEUE, 2, sharing, tick, run, SHARING_MS);
    const [runs, served] = found as [number, number];
    return { runs, tick: served };
  }

  /** Notes the tick that is being served. */
  async serve(tick: number): Promise<void> {
    await this.redis.set(this.keys.tick, tick);
  }

  /** Says that a run adds nothing more. */
  async leave(run: string): Promise<void> {
    await this.redis.zrem(this.keys.sharing, run);
  }

  /** True for the one caller in `forMs` that is to look for runs without a supervisor. */
  async takeWatch(forMs: number): Promise<boolean> {
    return (await this.redis.set(this.keys.watch, '1', 'PX', forMs, 'NX')) === 'OK';
  }
}
