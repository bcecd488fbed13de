import { Redis } from 'ioredis';
import { redactValue } from '../src/config.ts';
import { TilerError } from '../src/errors.ts';
import type { Logger } from '../src/observe.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const MAX_RECONNECT_WAIT_MS = 2_000;

/** How often a command line tries to reach Redis before it says that it cannot. */
const BRIEF_RECONNECTS = 3;

/**
 * Connects to Redis and fails soon if it is not there: for a command that a person waits for. Once connected, it waits for
 * a Redis that restarts, so that following a run outlasts that.
 *
 * @throws TilerError `QUEUE_UNAVAILABLE`
 */
export async function connectRedis(url: string): Promise<Redis> {
  let wasConnected = false;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (wasConnected || times <= BRIEF_RECONNECTS ? reconnectWaitMs(times) : null),
  });
  let cause: unknown = null;
  redis.on('error', (error) => {
    cause = error;
  });
  try {
    await redis.connect();
    wasConnected = true;
    return redis;
  } catch (error) {
    redis.disconnect();
    throw redisError(url, cause ?? error);
  }
}

/**
 * A connection of a worker: it waits for a Redis that is away however long it takes, and says so. BullMQ's workers need
 * `maxRetriesPerRequest: null`.
 */
export function createPatientRedis(url: string, logger: Logger): Redis {
  const redis = new Redis(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: reconnectWaitMs,
  });
  redis.on('error', (error: Error) => logger.warn({ redis: redactValue(url), cause: error.message }, 'Redis is away'));
  redis.on('ready', () => logger.info({ redis: redactValue(url) }, 'connected to Redis'));
  return redis;
}

/** Closes a connection that may be gone already. */
export async function closeRedis(redis: Redis): Promise<void> {
  try {
    if (redis.status === 'ready') await redis.quit();
  } finally {
    redis.disconnect();
  }
}

function reconnectWaitMs(times: number): number {
  return Math.min(MAX_RECONNECT_WAIT_MS, 100 * times);
}

function redisError(url: string, cause: unknown): TilerError {
  const found = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new TilerError('QUEUE_UNAVAILABLE', `Connecting to Redis at ${redactValue(url)}: ${found}`, { cause });
}
