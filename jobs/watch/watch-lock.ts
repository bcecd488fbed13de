import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { isTilerError, TilerError } from '../../src/errors.ts';
import type { LocalPlace } from '../local/local-files.ts';
import { takeOwnership } from '../local/local-owner.ts';
import type { RedisConnection } from '../queue/redis.ts';

export interface LockOptions {
  /** Told once that somebody else watches. */
  readonly onWait: () => void;
  /** Somebody else watches now: nothing more may be done. */
  readonly onLost: (error: TilerError) => void;
  readonly signal: AbortSignal;
}

const POLL_MS = 1_000;
const LEASE_MS = 30_000;
const RENEW_MS = 5_000;

/** KEYS: lease. ARGV: token, milliseconds. → 1 = it is ours still */
const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1`;

/** KEYS: lease. ARGV: token. */
const RELEASE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`;

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
  const token = randomUUID();
  for (let waits = 0; (await redis.set(key, token, 'PX', LEASE_MS, 'NX')) === null; waits++) {
    if (waits === 0) onWait();
    await delay(POLL_MS, undefined, { signal });
  }
  let lastMs = performance.now();
  const lose = (): void => {
    clearInterval(timer);
    onLost(new TilerError('STORE_CONFLICT', 'Watching: found that another process has taken it over'));
  };
  const renew = async (): Promise<void> => {
    try {
      if ((await redis.eval(RENEW, 1, key, token, LEASE_MS)) === 1) lastMs = performance.now();
      else lose();
    } catch {
      // Redis is away: it may come back before the lease has run out.
    }
    if (performance.now() - lastMs > LEASE_MS) lose();
  };
  const timer = setInterval(() => void renew(), RENEW_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await redis.eval(RELEASE, 1, key, token).catch(() => {});
    },
  };
}
