import type { Redis } from 'ioredis';
import { METATILE_QUEUE, RUN_QUEUE, keyPrefix } from '../../jobs/queue/catalog.ts';

/** A job under way and the process that executes it. */
export interface HeldJob {
  readonly id: string;
  readonly pid: number;
}

const NAMES = { metatiles: METATILE_QUEUE.name, runs: RUN_QUEUE.name } as const;

/** The jobs of a queue that are under way, with the process that each was given to: a worker's name ends with its pid. */
export async function heldJobs(redis: Redis, prefix: string, queue: keyof typeof NAMES): Promise<readonly HeldJob[]> {
  const key = `${keyPrefix(prefix)}:${NAMES[queue]}`;
  const ids = await redis.lrange(`${key}:active`, 0, -1);
  const names = await Promise.all(ids.map((id) => redis.hget(`${key}:${id}`, 'pb')));
  return ids.map((id, i) => ({ id, pid: Number(names[i]?.split(':').at(-1)) }));
}

/** The process that a job was given to last; null = it has ended and is removed, or was never given to any. */
export async function executorOf(
  redis: Redis,
  prefix: string,
  queue: keyof typeof NAMES,
  id: string,
): Promise<number | null> {
  const name = await redis.hget(`${keyPrefix(prefix)}:${NAMES[queue]}:${id}`, 'pb');
  return name === null ? null : Number(name.split(':').at(-1));
}
