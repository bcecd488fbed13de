import type { RedisConnection } from './redis.ts';
import { repliesOf } from './run-bits.ts';
import type { RunKeys } from './run-keys.ts';
import { DETAIL_FIELDS, PROGRESS_FIELDS, detailsFromValues, progressFromValues } from './run-record.ts';
import type { RunDetails, RunProgress } from './run-record.ts';
import { TIME } from './run-scripts.ts';
import type { RateSample } from '../run-status.ts';

/** A run as it is shown. */
export interface RunView {
  readonly progress: RunProgress;
  readonly details: RunDetails;
  readonly failuresByCode: Readonly<Record<string, number>>;
  /** The last one is of now. */
  readonly samples: readonly RateSample[];
}

/** Reads all that is shown of a run in one step; null if there is none of that name. */
export async function readRunView(redis: RedisConnection, keys: RunKeys, run: string): Promise<RunView | null> {
  const record = keys.record(run);
  const multi = redis.multi();
  multi.hmget(record, ...PROGRESS_FIELDS, ...DETAIL_FIELDS);
  multi.hgetall(keys.part(run, 'codes'));
  multi.lrange(keys.part(run, 'samples'), 0, -1);
  multi.eval(TIME, 1, record);
  const [values, codes, lines, now] = repliesOf(await multi.exec()) as [
    (string | null)[],
    Record<string, string>,
    string[],
    string,
  ];
  const progress = progressFromValues(values.slice(0, PROGRESS_FIELDS.length));
  if (progress === null) return null;
  const samples = lines.map((line) => {
    const [atMs, settledTiles] = line.split(' ').map(Number);
    return { atMs: atMs ?? 0, settledTiles: settledTiles ?? 0 };
  });
  const { rendered, empty, failed } = progress;
  return {
    progress,
    details: detailsFromValues(values.slice(PROGRESS_FIELDS.length)),
    failuresByCode: Object.fromEntries(Object.entries(codes).map(([code, count]) => [code, Number(count)])),
    samples: [...samples, { atMs: Number(now), settledTiles: rendered + empty + failed }],
  };
}
