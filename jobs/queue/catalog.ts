import * as z from 'zod';
import { TilerError } from '../../src/errors.ts';

const RunIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,80}$/);
const CountSchema = z.int().min(0);

/**
 * Payload of a metatile job: everything else lies in the record of its run. With a longer payload, a waiting job would
 * take 930 instead of 450 bytes of Redis memory, since one hash field of more than 64 bytes turns the whole hash into a
 * table.
 */
const MetatilePayloadSchema = z.strictObject({
  v: z.literal(1),
  run: RunIdSchema,
  index: CountSchema,
  /** How often it was put off because a host took no more; not there before the first time. */
  waits: CountSchema.optional(),
});

/** Payload of a run's supervisor job, which is also where it remembers how far it is. */
const ExpandPayloadSchema = z.strictObject({
  v: z.literal(1),
  run: RunIdSchema,
  /** Which time the run was opened; a supervisor of an earlier time ends. */
  opened: CountSchema,
  /** Index of the first metatile that is not in the queue yet. */
  cursor: CountSchema,
  /** Metatiles that it added since it was opened, and those that were settled when it was: what waits is the difference. */
  added: CountSchema.default(0),
  base: CountSchema.nullable().default(null),
  /** Its turn among the runs. */
  tick: CountSchema.default(0),
  taken: CountSchema.default(0),
  /** When it last noted how far the run is, in milliseconds since 1970. */
  sampledAt: CountSchema.default(0),
  /** Metatiles settled when it last looked, and how often it has seen the same number. */
  settled: CountSchema.default(0),
  idleChecks: CountSchema.default(0),
  /** Where the search for lost metatiles goes on. */
  sweep: CountSchema.default(0),
});

export type MetatilePayload = z.output<typeof MetatilePayloadSchema>;
export type ExpandPayload = z.output<typeof ExpandPayloadSchema>;

/** One queue: what its jobs are called and carry. Its processor and its producer take their types from here. */
export interface QueueDefinition<Payload> {
  readonly name: string;
  readonly jobName: string;
  jobId(payload: Payload): string;
  /**
   * Checks a payload on both sides of the queue.
   *
   * @throws TilerError `PAYLOAD_INVALID`, `PAYLOAD_VERSION_UNSUPPORTED`
   */
  parse(payload: unknown): Payload;
}

/** Metatiles to render. The job ID carries the run, so that adding a job twice is harmless and another run is another job. */
export const METATILE_QUEUE: QueueDefinition<MetatilePayload> = {
  name: 'tilewright-metatiles',
  jobName: 'metatile',
  jobId: ({ run, index }) => `${run}-${index}`,
  parse: (payload) => parsePayload(MetatilePayloadSchema, payload, 'a metatile job'),
};

/** Supervisors: one job for each time that a run is opened, which puts its metatiles into the queue bit by bit and ends the run. */
export const RUN_QUEUE: QueueDefinition<ExpandPayload> = {
  name: 'tilewright-runs',
  jobName: 'expand',
  jobId: ({ run, opened }) => `expand-${run}-${opened}`,
  parse: (payload) => parsePayload(ExpandPayloadSchema, payload, 'a run job'),
};

/** What is wrong with a payload may name keys of any length. */
const MAX_FOUND_LENGTH = 200;

/** The supervisor is idle nearly always; a short lock lets another worker take over from a dead one within seconds. */
export const RUN_WORKER_SETTINGS = { lockDuration: 15_000, stalledInterval: 5_000, maxStalledCount: 100 } as const;

/** Failed jobs kept for people to look at; the truth about a run is in its own record. */
export const KEEP_FAILED = { age: 7 * 24 * 3600, count: 1_000 } as const;

/** The name before all keys. In braces it is the hash tag that a Redis Cluster needs to keep them on one node. */
export function keyPrefix(prefix: string): string {
  return `{${prefix}}`;
}

function parsePayload<T>(schema: z.ZodType<T>, payload: unknown, what: string): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const version: unknown = typeof payload === 'object' && payload !== null && 'v' in payload ? payload.v : undefined;
  if (typeof version === 'number' && version !== 1) {
    throw new TilerError('PAYLOAD_VERSION_UNSUPPORTED', `Reading ${what}: found version ${version}, expected 1`);
  }
  const [issue] = parsed.error.issues;
  const found = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  throw new TilerError('PAYLOAD_INVALID', `Reading ${what}: ${found.slice(0, MAX_FOUND_LENGTH)}`);
}
