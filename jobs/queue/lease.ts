import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection } from './redis.ts';

/** Whoever is killed holds a lease for so long. */
const LEASE_MS = 30_000;
const RENEW_MS = 5_000;

/** KEYS: lease. ARGV: token, milliseconds. Holds it for longer, if it is held. → 1 = it is */
const RENEW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`;

/** KEYS: lease. ARGV: token. → 1 = it was held, and is not any more */
const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

export interface LeaseOptions {
  /** How often it is looked whether it is free. */
  readonly lookEveryMs: number;
  /** Told once that somebody else has it. */
  readonly onWait?: () => void;
  /** Told once that somebody else may have it now. */
  readonly onLost?: () => void;
  readonly signal: AbortSignal;
}

/**
 * Waits until nobody holds a lease, and holds it until it is disposed of: one holder at a time among all that share a Redis.
 *
 * @throws what Redis fails with while it is waited for
 */
export async function takeLease(
  redis: RedisConnection,
  key: string,
  { lookEveryMs, onWait, onLost, signal }: LeaseOptions,
): Promise<AsyncDisposable> {
  const token = randomUUID();
  for (let looks = 0; (await redis.set(key, token, 'PX', LEASE_MS, 'NX')) === null; looks++) {
    if (looks === 0) onWait?.();
    await delay(lookEveryMs, undefined, { signal });
  }
  let renewedMs = performance.now();
  let isHeld = true;
  const lose = (): void => {
    clearInterval(timer);
    // While Redis is away, several renewals wait for it.
    if (isHeld) onLost?.();
    isHeld = false;
  };
  const renew = async (): Promise<void> => {
    const askedMs = performance.now();
    try {
      if ((await redis.eval(RENEW, 1, key, token, LEASE_MS)) !== 1) return lose();
      renewedMs = askedMs;
    } catch {
      // Redis is away: it may come back before the lease has run out.
    }
    if (performance.now() - renewedMs > LEASE_MS) lose();
  };
  const timer = setInterval(() => void renew(), RENEW_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      // Without Redis it runs out by itself.
      await redis.eval(RELEASE, 1, key, token).catch(() => {});
    },
  };
}
