import * as z from 'zod';
import { MAX_CLOSED_MS } from '../src/host-gate.ts';
import type { HostClosing, HostGate } from '../src/host-gate.ts';
import type { Logger } from '../src/observe.ts';
import { keyPrefix } from '../jobs/queue/catalog.ts';
import type { RedisConnection } from '../jobs/queue/redis.ts';

export interface SharedHostGateOptions {
  readonly gate: HostGate;
  /** For commands. */
  readonly redis: RedisConnection;
  /** Used for nothing else: a connection that is subscribed takes no other commands. */
  readonly subscriber: RedisConnection;
  /** `config.queue.prefix`. */
  readonly prefix: string;
  readonly logger: Logger;
}

/** Hosts kept in Redis: those that open last. Hrefs are untrusted and may name any number. */
const MAX_HOSTS = 1_000;

/** Scheme, host and port; names of hosts have at most 253 characters. Others are closed for their own process only. */
const HOST = /^(?:https?|s3):\/\/[^\s/@?#]{1,280}$/;

const ClosingSchema = z.strictObject({
  from: z.string().max(80),
  host: z.string().regex(HOST),
  closedMs: z.number().min(0).max(MAX_CLOSED_MS),
});

/**
 * Keeps a closed host for those that start later, and tells those that run. Clocks of machines differ, so times of day are
 * those of Redis, and what is sent is the time that is left.
 *
 * KEYS: the closed hosts, by the time at which they open. ARGV: host, milliseconds, most hosts kept, expiry of all in
 * milliseconds, channel, message.
 */
const CLOSE_HOST = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local known = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0)
redis.call('ZADD', KEYS[1], math.max(known, now + ARGV[2]), ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[3] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return 1
`;

/** KEYS: as above. Gives each closed host with the milliseconds that are left. */
const CLOSED_HOSTS = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf', 'WITHSCORES')
for i = 2, #found, 2 do found[i] = tostring(found[i] - now) end
return found
`;

/**
 * Shares what the gate of this process learns with those of all other workers on the same Redis: a host that one of them
 * was asked to leave alone is left alone by all. Nothing waits for this: without Redis every process has its own gate.
 */
export function shareHostGate({ gate, redis, subscriber, prefix, logger }: SharedHostGateOptions): AsyncDisposable {
  const from = crypto.randomUUID();
  const name = `${keyPrefix(prefix)}:closed-hosts`;
  const complain = (error: unknown): void =>
    logger.warn({ cause: error instanceof Error ? error.message : String(error) }, 'closed hosts are not shared');

  const tell = ({ host, closedMs }: HostClosing): void => {
    logger.info({ host, closedMs: Math.round(closedMs) }, 'a host asks for fewer requests');
    // What waited for Redis to come back would be told too late.
    if (redis.status !== 'ready' || !HOST.test(host)) return;
    const message = JSON.stringify({ from, host, closedMs });
    redis.eval(CLOSE_HOST, 1, name, host, Math.ceil(closedMs), MAX_HOSTS, MAX_CLOSED_MS, name, message).catch(complain);
  };
  const hear = (channel: string, message: string): void => {
    const heard = channel === name ? parseClosing(message) : null;
    if (heard !== null && heard.from !== from) gate.close(heard);
  };
  const begin = async (): Promise<void> => {
    await subscriber.subscribe(name);
    const found = (await redis.eval(CLOSED_HOSTS, 1, name)) as string[];
    for (let i = 0; i + 1 < found.length; i += 2) gate.close({ host: found[i]!, closedMs: Number(found[i + 1]) });
  };
  const onReady = (): void => void begin().catch(complain);

  const stopTelling = gate.onClosing(tell);
  subscriber.on('message', hear);
  subscriber.on('ready', onReady);
  if (subscriber.status === 'ready') onReady();
  return {
    async [Symbol.asyncDispose]() {
      stopTelling();
      subscriber.off('message', hear);
      subscriber.off('ready', onReady);
      await Promise.resolve();
    },
  };
}

function parseClosing(message: string): z.output<typeof ClosingSchema> | null {
  try {
    return ClosingSchema.safeParse(JSON.parse(message)).data ?? null;
  } catch {
    // Anyone who reaches Redis can publish anything.
    return null;
  }
}
