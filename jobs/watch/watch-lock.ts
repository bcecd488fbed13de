import { setTimeout as delay } from 'node:timers/promises';
import { isTilerError, TilerError } from '../../src/errors.ts';
import type { LocalPlace } from '../local/local-files.ts';
import { takeOwnership } from '../local/local-owner.ts';
import { takeLease } from '../queue/lease.ts';
import type { RedisConnection } from '../queue/redis.ts';

export interface LockOptions {
  /** Told once that somebody else watches. */
  readonly onWait: () => void;
  /** Somebody else watches now: nothing more may be done. */
  readonly onLost: (error: TilerError) => void;
  readonly signal: AbortSignal;
}

const POLL_MS = 1_000;

/** Waits until nobody else watches an output from this machine, or one that shares its folder; then nobody else does. */
export async function lockHere(place: LocalPlace, { onWait, onLost, signal }: LockOptions): Promise<AsyncDisposable> {
  const watching = { ...place, suffix: `${place.suffix}-watch` };
  for (let waits = 0; ; waits++) {
    signal.throwIfAborted();
    try {
      return await takeOwnership(watching, 'watch', onLost);
    } catch (error) {
      if (!isTilerError(error) || error.code !== 'STORE_CONFLICT') throw error;
      if (waits === 0) onWait();
      await delay(POLL_MS, undefined, { signal });
    }
  }
}

/**
 * The same for all machines that share a Redis, by a lease that runs out half a minute after whoever has it was killed.
 *
 * @param key - names the output
 */
export async function lockInRedis(
  redis: RedisConnection,
  key: string,
  { onWait, onLost, signal }: LockOptions,
): Promise<AsyncDisposable> {
  const lose = (): void =>
    onLost(new TilerError('STORE_CONFLICT', 'Watching: found that another process has taken it over'));
  return await takeLease(redis, key, { lookEveryMs: POLL_MS, onWait, onLost: lose, signal });
}
