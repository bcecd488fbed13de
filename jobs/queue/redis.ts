import { Cluster } from 'ioredis';
import { TilerError } from '../../src/errors.ts';
import type { Logger } from '../../src/observe.ts';
import { inspectRedis } from './redis-check.ts';
import type { RedisFindings } from './redis-check.ts';
import { describeRedisFault, isLastingFault } from './redis-faults.ts';
import { createRedis, shownAddress } from './redis-options.ts';
import type { RedisConnection, RedisSettings } from './redis-options.ts';

export type { RedisConnection, RedisSettings } from './redis-options.ts';

const MAX_RECONNECT_WAIT_MS = 2_000;

/** How often a command line tries to reach Redis before it says that it cannot. */
const BRIEF_RECONNECTS = 3;

export interface ConnectOptions {
  /** `config.queue.prefix`: what the user's rights are checked for. */
  readonly prefix: string;
  /** Told what is not as it should be, such as a server that may drop keys. */
  readonly onWarning: (text: string) => void;
}

/**
 * Connects to Redis and fails soon if it is not there, or cannot be used: for a command that a person waits for. Once
 * connected, it waits for a Redis that restarts, so that following a run outlasts that.
 *
 * @throws TilerError `QUEUE_UNAVAILABLE`, `CONFIG_INVALID`
 */
export async function connectRedis(settings: RedisSettings, options: ConnectOptions): Promise<RedisConnection> {
  let cause: unknown = null;
  let wasConnected = false;
  const isHopeless = (times: number): boolean => times > BRIEF_RECONNECTS || isLastingFault(cause);
  const redis = createRedis(settings, {
    retryWaitMs: (times) => (!wasConnected && isHopeless(times) ? null : reconnectWaitMs(times)),
    lazyConnect: true,
  });
  onFault(redis, (error) => {
    cause = error;
  });
  try {
    await untilReady(redis);
    wasConnected = true;
    const { problems, warnings } = await inspectRedis(redis, settings.mode, options.prefix);
    if (problems.length > 0) throw new Error(problems.join('; '));
    for (const warning of warnings) options.onWarning(warning);
    return redis;
  } catch (error) {
    redis.disconnect();
    const found = wasConnected && error instanceof Error ? error.message : describeRedisFault(cause ?? error);
    const message = `Connecting to Redis at ${shownAddress(settings)}: ${found}`;
    throw new TilerError('QUEUE_UNAVAILABLE', message, { cause: error });
  }
}

/**
 * A connection of a worker: it waits for a Redis that is away however long it takes, and says so; BullMQ's workers need
 * `maxRetriesPerRequest: null`. With a `prefix` it also says, whenever it is connected, what is wrong with that Redis.
 *
 * @throws TilerError `CONFIG_INVALID`
 */
export function createPatientRedis(settings: RedisSettings, logger: Logger, prefix?: string): RedisConnection {
  const address = shownAddress(settings);
  const redis = createRedis(settings, { retryWaitMs: reconnectWaitMs, lazyConnect: false });
  onFault(redis, (error) => logger.warn({ redis: address, cause: describeRedisFault(error) }, 'Redis is away'));
  redis.on('ready', () => {
    logger.info({ redis: address }, 'connected to Redis');
    if (prefix === undefined) return;
    const report = ({ problems, warnings }: RedisFindings): void => {
      for (const cause of problems) logger.error({ redis: address, cause }, 'Redis cannot be used');
      for (const warning of warnings) logger.warn({ redis: address }, warning);
    };
    // If the connection is lost, which is reported above, it is inspected again when it is back.
    inspectRedis(redis, settings.mode, prefix).then(report, () => {});
  });
  return redis;
}

/** Closes a connection that may be gone already. */
export async function closeRedis(redis: RedisConnection): Promise<void> {
  try {
    if (redis.status === 'ready') await redis.quit();
  } finally {
    redis.disconnect();
  }
}

/** Resolves when commands can be sent; rejects when no further try is made. */
async function untilReady(redis: RedisConnection): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    redis.once('ready', resolve);
    redis.once('end', () => reject(new Error('no connection')));
    // Rejects at the first try that fails, while the events above tell what becomes of all of them.
    redis.connect().catch(() => {});
  });
}

function onFault(redis: RedisConnection, listener: (error: Error) => void): void {
  if (redis instanceof Cluster) {
    redis.on('error', (error: Error & { readonly lastNodeError?: Error }) => listener(error.lastNodeError ?? error));
    return;
  }
  redis.on('error', listener);
  redis.on('sentinelError', listener);
}

function reconnectWaitMs(times: number): number {
  return Math.min(MAX_RECONNECT_WAIT_MS, 100 * times);
}
