import { TilerError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import type { LeftOutScene } from '../../src/render/tile-renderer.ts';
import { IO_KEYS } from '../metatile-result.ts';
import { parseMaxFailures } from '../run-status.ts';
import type { ZoomRange } from '../run-status.ts';
import { PLAIN_MODE, planOfRun } from '../run-update.ts';
import type { RunMode } from '../run-update.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

/**
 * running ⇄ paused → complete, failed (ended with failed metatiles, or its failure budget used up) or cancelled; the last
 * two may be taken up again.
 */
export type RunState = 'running' | 'paused' | 'complete' | 'failed' | 'cancelled';

/** What a run is: fixed when it is created. */
export interface RunRecord {
  readonly run: string;
  readonly request: TilesetRequest;
  readonly requestHash: string;
  readonly generation: number;
  readonly overwrite: boolean;
  /** Bits of its bitmaps; with a polygon some stand for no metatile. */
  readonly indexCount: number;
  readonly metatiles: number;
  readonly tiles: number;
  /** Absent = it renders everything, and leaves nothing for updates. */
  readonly mode?: RunMode;
}

/** How a run is treated, which may be changed while it runs. */
export interface RunTreatment {
  /** How many tiles may fail, as it was given: `100` or `1%`; null = no limit. */
  readonly maxFailures: string | null;
  /** Goes before runs that are not. */
  readonly hot: boolean;
}

/** What a run begins with besides its record; what is not given has its default: no limit of failures, not hot. */
export interface RunOptions extends Partial<RunTreatment> {
  /** `TilesetPlan.zooms`, if it is at hand: with a polygon it takes a while to count. */
  readonly zooms?: readonly ZoomRange[];
}

/** What settling a metatile came to. `last` = settled, and its run has nothing more to wait for. */
export type Settling = 'known' | 'settled' | 'last';

/** How far a run is. Metatiles are settled when they are done or have failed for good. */
export interface RunProgress {
  readonly state: RunState;
  /** How often it was opened: 1, and once more each time that it is resumed or taken up again. */
  readonly opened: number;
  readonly hot: boolean;
  /** More tiles failed than its budget allows: it is about to end. */
  readonly isBudgetUsedUp: boolean;
  readonly metatiles: number;
  readonly tiles: number;
  readonly settledMetatiles: number;
  readonly failedMetatiles: number;
  readonly unchangedMetatiles: number;
  readonly rendered: number;
  readonly empty: number;
  readonly failed: number;
  readonly io: IoCounters;
}

const COUNT_FIELDS = [
  'opened',
  'metatiles',
  'tiles',
  'rendered',
  'empty',
  'failed',
  'failedRendered',
  'failedEmpty',
  'doneMetatiles',
  'failedMetatiles',
  'unchangedMetatiles',
  'spent',
  'hot',
] as const;
/** Not the request, which may be long. */
export const PROGRESS_FIELDS = ['state', ...COUNT_FIELDS, ...IO_KEYS] as const;
type ProgressField = (typeof PROGRESS_FIELDS)[number];
const STATES: readonly string[] = ['running', 'paused', 'complete', 'failed', 'cancelled'];

/** What a status shows besides the progress. */
export const DETAIL_FIELDS = [
  'name',
  'output',
  'maxFailures',
  'startedAt',
  'updatedAt',
  'endedAt',
  'zooms',
  'isUpdate',
  'version',
  'reason',
] as const;

/** What a status shows besides the progress; null = there is none. */
export type RunDetails = Readonly<
  Record<Exclude<(typeof DETAIL_FIELDS)[number], 'zooms' | 'isUpdate'>, string | null>
> & {
  readonly zooms: readonly ZoomRange[];
  readonly isUpdate: boolean;
};

/** Reads a record from the fields of its hash; null if the hash is none of a run. */
export function recordFromFields(run: string, fields: Readonly<Record<string, string>>): RunRecord | null {
  const { request, requestHash, mode, v } = fields;
  if (request === undefined || requestHash === undefined) return null;
  if (v !== '1') {
    throw new TilerError('PAYLOAD_VERSION_UNSUPPORTED', `Reading the run ${run}: found version ${v}, expected 1`);
  }
  return {
    run,
    // Written from a request that had been parsed.
    request: JSON.parse(request) as TilesetRequest,
    requestHash,
    generation: Number(fields['generation']),
    overwrite: fields['overwrite'] === '1',
    indexCount: Number(fields['indexCount']),
    metatiles: Number(fields['metatiles']),
    tiles: Number(fields['tiles']),
    ...(mode === undefined ? {} : { mode: JSON.parse(mode) as RunMode }),
  };
}

/** Reads the progress of a run from the values of `PROGRESS_FIELDS`; null if there is no run. */
export function progressFromValues(values: readonly (string | null)[]): RunProgress | null {
  const [state] = values;
  if (state === null || state === undefined || !STATES.includes(state)) return null;
  const count = (field: ProgressField): number => Number(values[PROGRESS_FIELDS.indexOf(field)] ?? 0);
  const io = createIoCounters();
  for (const key of IO_KEYS) io[key] = count(key);
  return {
    state: state as RunState,
    opened: count('opened'),
    hot: count('hot') === 1,
    isBudgetUsedUp: count('spent') === 1,
    metatiles: count('metatiles'),
    tiles: count('tiles'),
    settledMetatiles: count('doneMetatiles') + count('failedMetatiles'),
    failedMetatiles: count('failedMetatiles'),
    unchangedMetatiles: count('unchangedMetatiles'),
    rendered: count('rendered') + count('failedRendered'),
    empty: count('empty') + count('failedEmpty'),
    failed: count('failed'),
    io,
  };
}

/** Reads the values of `DETAIL_FIELDS`. */
export function detailsFromValues(values: readonly (string | null)[]): RunDetails {
  const [name = null, output = null, maxFailures = null, startedAt = null, updatedAt = null, endedAt = null] = values;
  const [zooms, isUpdate, version = null, reason = null] = values.slice(6);
  return {
    name,
    output,
    maxFailures,
    startedAt,
    updatedAt,
    endedAt,
    isUpdate: isUpdate === '1',
    version,
    reason,
    // Written from a plan.
    zooms: zooms === null || zooms === undefined ? [] : (JSON.parse(zooms) as readonly ZoomRange[]),
  };
}

/** The fields of a new record. */
export function fieldsOf(
  { request, requestHash, generation, overwrite, indexCount, metatiles, tiles, mode = PLAIN_MODE }: RunRecord,
  { maxFailures = null, hot = false, zooms }: RunOptions = {},
): Readonly<Record<string, string>> {
  const fields = {
    v: 1,
    state: 'running',
    opened: 1,
    request: JSON.stringify(request),
    output: request.output,
    requestHash,
    generation,
    indexCount,
    metatiles,
    tiles,
    overwrite: overwrite ? 1 : 0,
    hot: hot ? 1 : 0,
    zooms: JSON.stringify(zooms ?? planOfRun(request, mode.update).zooms),
    ...(mode === PLAIN_MODE ? {} : { mode: JSON.stringify(mode) }),
    ...(mode.update === null ? {} : { isUpdate: 1 }),
    ...(request.name === undefined ? {} : { name: request.name }),
    ...(maxFailures === null ? {} : { maxFailures, failuresAllowed: parseMaxFailures(maxFailures, tiles) }),
  };
  return Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, String(value)]));
}

/** Reads scenes left out from the fields of their hash: `tiles SCENE CODE` and `message SCENE CODE`. */
export function leftOutFromFields(fields: Readonly<Record<string, string>>): readonly LeftOutScene[] {
  return Object.entries(fields).flatMap(([field, count]) => {
    if (!field.startsWith('tiles ')) return [];
    const key = field.slice('tiles '.length);
    const at = key.lastIndexOf(' ');
    const message = fields[`message ${key}`] ?? '';
    return [{ scene: key.slice(0, at), code: key.slice(at + 1) as ErrorCode, message, tiles: Number(count) }];
  });
}
