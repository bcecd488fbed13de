import { TilerError } from '../src/errors.ts';
import type { ErrorCode } from '../src/errors.ts';
import { createIoCounters } from '../src/observe.ts';
import type { IoCounters } from '../src/observe.ts';
import type { LeftOutScene } from '../src/render/tile-renderer.ts';
import { IO_KEYS } from './metatile-result.ts';
import type { TilesetRequest } from './tileset-request.ts';

/** running → complete, failed (ended with failed metatiles) or cancelled; the last two may be taken up again. */
export type RunState = 'running' | 'complete' | 'failed' | 'cancelled';

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
}

/** How far a run is. Metatiles are settled when they are done or have failed for good. */
export interface RunProgress {
  readonly state: RunState;
  /** How often it was opened: 1, and once more with each `reopen`. */
  readonly opened: number;
  readonly metatiles: number;
  readonly tiles: number;
  readonly settledMetatiles: number;
  readonly failedMetatiles: number;
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
] as const;
/** Not the request, which may be long. */
export const PROGRESS_FIELDS = ['state', ...COUNT_FIELDS, ...IO_KEYS] as const;
type ProgressField = (typeof PROGRESS_FIELDS)[number];
const STATES: readonly string[] = ['running', 'complete', 'failed', 'cancelled'];

/** Reads a record from the fields of its hash; null if the hash is none of a run. */
export function recordFromFields(run: string, fields: Readonly<Record<string, string>>): RunRecord | null {
  const { request, requestHash, v } = fields;
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
  };
}

/** Reads the progress of a run from the values of `PROGRESS_FIELDS` and the bits that are set; null if there is no run. */
export function progressFromValues(
  values: readonly (string | null)[],
  doneMetatiles: number,
  failedMetatiles: number,
): RunProgress | null {
  const [state] = values;
  if (state === null || state === undefined || !STATES.includes(state)) return null;
  const count = (field: ProgressField): number => Number(values[PROGRESS_FIELDS.indexOf(field)] ?? 0);
  const io = createIoCounters();
  for (const key of IO_KEYS) io[key] = count(key);
  return {
    state: state as RunState,
    opened: count('opened'),
    metatiles: count('metatiles'),
    tiles: count('tiles'),
    settledMetatiles: doneMetatiles + failedMetatiles,
    failedMetatiles,
    rendered: count('rendered') + count('failedRendered'),
    empty: count('empty') + count('failedEmpty'),
    failed: count('failed'),
    io,
  };
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
