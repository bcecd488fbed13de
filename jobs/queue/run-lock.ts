import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnection } from './redis.ts';
import { EXTEND_LOCK, RELEASE_LOCK } from './run-scripts.ts';

/** A producer that was killed holds a run for so long. */
const LOCK_MS = 30_000;
const EXTEND_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 100;

/** Lets one producer at a time begin a run: what others have left in its output is removed once, before the first metatile. */
export async function lockRun(redis: RedisConnection, key: string, signal: AbortSignal): Promise<AsyncDisposable> {
  const token = randomUUID();
  while ((await redis.set(key, token, 'PX', LOCK_MS, 'NX')) !== 'OK') await delay(LOOK_EVERY_MS, undefined, { signal });
  const extend = async (): Promise<void> => void (await redis.eval(EXTEND_LOCK, 1, key, token, LOCK_MS));
  // A failure to extend it is found by the next command.
  const timer = setInterval(() => void extend().catch(() => {}), EXTEND_EVERY_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await redis.eval(RELEASE_LOCK, 1, key, token);
    },
  };
}
