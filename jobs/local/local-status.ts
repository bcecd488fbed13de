import * as z from 'zod';
import { ERROR_CODES } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import { readDocument, writeDocument } from './local-files.ts';
import { IO_KEYS } from '../metatile-result.ts';
import { paceOf } from '../run-status.ts';
import type { RunStatus, ShownState } from '../runs.ts';

/** Failed tiles that a status document lists; its counts say how many there are. */
export const STATUS_FAILURES = 1_000;

/** Samples of the last minute are kept, this far apart. */
export const SAMPLE_INTERVAL_MS = 5_000;
export const SAMPLES_KEPT = 13;

/** Characters of a message that are kept. */
export const MAX_MESSAGE_LENGTH = 500;

const CountSchema = z.int().min(0);
const TimeSchema = z.iso.datetime();
const CodeSchema = z.string().refine((code): code is ErrorCode => (ERROR_CODES as readonly string[]).includes(code));

const LocalStatusSchema = z.object({
  v: z.literal(1),
  run: z.string().max(100),
  name: z.string().max(200).nullable(),
  output: z.string().max(4_096),
  /** As its process said last: a run that is running or paused, and has no process any more, is interrupted. */
  state: z.enum(['running', 'paused', 'complete', 'failed', 'cancelled', 'interrupted']),
  reason: z.string().max(2_000).nullable(),
  /** The process that renders it; null = it has ended. */
  owner: z.object({ token: z.uuid(), pid: z.int().min(1), host: z.string().max(255) }).nullable(),
  /** The last command that its process has taken. */
  lastCommand: z.uuid().nullable(),
  startedAt: TimeSchema,
  updatedAt: TimeSchema,
  endedAt: TimeSchema.nullable(),
  tiles: CountSchema,
  rendered: CountSchema,
  empty: CountSchema,
  failed: CountSchema,
  metatiles: CountSchema,
  settledMetatiles: CountSchema,
  failedMetatiles: CountSchema,
  unchangedMetatiles: CountSchema.default(0),
  /** Slots of its journal. */
  indexCount: CountSchema,
  zooms: z
    .array(
      z.object({
        z: z.int().min(0).max(30),
        firstIndex: CountSchema,
        indexCount: CountSchema,
        metatiles: CountSchema,
        done: CountSchema,
        failed: CountSchema,
      }),
    )
    .max(31),
  samples: z.array(z.object({ atMs: z.number(), settledTiles: z.number() })).max(SAMPLES_KEPT),
  failuresByCode: z.record(z.string().max(40), CountSchema),
  failures: z
    .array(
      z.object({
        tile: z.object({ z: z.int().min(0).max(30), x: CountSchema, y: CountSchema }),
        code: CodeSchema,
        message: z.string().max(MAX_MESSAGE_LENGTH),
        retryAfterMs: z.number().nullable(),
        asset: z.string().max(MAX_MESSAGE_LENGTH).nullable().default(null),
      }),
    )
    .max(STATUS_FAILURES),
  maxFailures: z.string().max(40).nullable(),
  io: z.record(z.string().max(40), z.number()),
});

/** What the process of a local run says of it, in a document beside its journal. */
export type LocalStatus = z.output<typeof LocalStatusSchema>;

/** Null = there is none. @throws TilerError `STORE_CONFLICT` for a document of another kind, `STORE_UNAVAILABLE` */
export async function readLocalStatus(path: string): Promise<LocalStatus | null> {
  return await readDocument(path, LocalStatusSchema);
}

/** Outside work as a document has it: counters that it lacks are 0. */
export function ioOfStatus({ io: found }: Pick<LocalStatus, 'io'>): IoCounters {
  const io = createIoCounters();
  for (const key of IO_KEYS) io[key] = found[key] ?? 0;
  return io;
}

/** A status document as commands show it. `state` is that of its process, or `interrupted` if that is gone. */
export function shownStatus(status: LocalStatus, state: ShownState, nowMs = Date.now()): RunStatus {
  const { run, name, output, reason, tiles, rendered, empty, failed, maxFailures } = status;
  const { metatiles, settledMetatiles, failedMetatiles, unchangedMetatiles, failuresByCode } = status;
  const { startedAt, updatedAt, endedAt } = status;
  const now = { atMs: nowMs, settledTiles: rendered + empty + failed };
  return {
    run,
    engine: 'local',
    name,
    output,
    state,
    reason,
    tiles,
    rendered,
    empty,
    failed,
    metatiles,
    settledMetatiles,
    failedMetatiles,
    unchangedMetatiles,
    zooms: [...status.zooms]
      .sort((a, b) => a.z - b.z)
      .map(({ z: zoom, metatiles: of, done, failed: lost }) => ({ z: zoom, metatiles: of, done, failed: lost })),
    ...(state === 'running' ? paceOf([...status.samples, now], tiles) : { tilesPerSecond: null, etaSeconds: null }),
    failuresByCode,
    maxFailures,
    startedAt,
    updatedAt,
    endedAt: state === 'interrupted' ? (endedAt ?? updatedAt) : endedAt,
    io: ioOfStatus(status),
  };
}

/** At most one write a second while only counts change. */
const WRITE_INTERVAL_MS = 1_000;

/**
 * Writes the status document of a run: at once when it is told to, and some time after counts have changed. Writes follow
 * one another, and each has what is true when it begins, so the last one has all of it.
 *
 * States: open → closed (nothing is written any more).
 */
export class StatusWriter {
  private readonly path: string;
  private readonly snapshot: () => LocalStatus;
  private readonly onError: (error: unknown) => void;
  private writes: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | null = null;
  private closed = false;

  /** @param onError - told of a write that failed; the next one is tried all the same */
  constructor(path: string, snapshot: () => LocalStatus, onError: (error: unknown) => void) {
    this.path = path;
    this.snapshot = snapshot;
    this.onError = onError;
  }

  /** Counts have changed. */
  touch(): void {
    if (this.closed) return;
    this.timer ??= setTimeout(() => void this.write(), WRITE_INTERVAL_MS);
  }

  /** Writes now; done when it is written. */
  async write(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.closed) return;
    this.writes = this.writes.then(() => writeDocument(this.path, this.snapshot())).catch(this.onError);
    await this.writes;
  }

  /** Nothing is written after what is under way. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.writes;
  }
}
