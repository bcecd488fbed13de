import { takeLease } from './lease.ts';
import type { RedisConnection } from './redis.ts';

const LOOK_EVERY_MS = 100;

/** Lets one producer at a time begin a run: what others have left in its output is removed once, before the first metatile. */
export async function lockRun(redis: RedisConnection, key: string, signal: AbortSignal): Promise<AsyncDisposable> {
  return await takeLease(redis, key, { lookEveryMs: LOOK_EVERY_MS, signal });
}
