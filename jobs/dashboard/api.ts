import { isTilerError, TilerError } from '../../src/errors.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { parseStoreLocation } from '../../src/store/open-store.ts';
import { createPlan } from '../plan-jobs.ts';
import { remainingMetatiles } from '../run-metrics.ts';
import { failureRecord } from '../run-report.ts';
import type { Runs, TakenUp } from '../runs.ts';
import { planCells } from './plan-cells.ts';
import type { View } from './plan-cells.ts';
import { readCells } from './read-cells.ts';
import type { RunOutput, RunOutputs } from './run-outputs.ts';
import type { RunReader } from './run-reader.ts';

/** What the API answers from. */
export interface ApiSources {
  readonly runs: Runs;
  readonly reader: RunReader;
  readonly outputs: RunOutputs;
}

/** What is needed to draw a run, beside its status. */
interface RunMap {
  readonly bbox: Bbox;
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly tileSize: number;
  /** Path of the tiles on this server, with `{z}/{x}/{y}`. */
  readonly tiles: string;
  /** ID of the version that the tiles are of; null = none is published, or it is not known. */
  readonly version: string | null;
  /** Why the version is not known; null = it is. */
  readonly problem: string | null;
  /** Tiles are seen once a version is published, not before. */
  readonly isArchive: boolean;
}

/** Squares that one answer about metatiles has at most. */
const MAX_CELLS = 4_096;
/** Failed tiles in one answer; a run keeps a thousand. */
const MAX_FAILURES = 1_000;

/** Less than what the whole answer may take. */
const VERSION_TIMEOUT_MS = 2_000;

/** A local run does what it is told when its process next looks. */
const STEER_TIMEOUT_MS = 20_000;

const ACTIONS = ['pause', 'resume', 'retry', 'cancel'] as const;
type Action = (typeof ACTIONS)[number];

/**
 * Answers a GET of the API; `undefined` = there is nothing at this path, or no such run. Everything is JSON:
 *
 * - `/api/runs`: `{ runs: RunStatus[] }`, newest first
 * - `/api/runs/RUN`: the `RunStatus`, and `map: RunMap`
 * - `/api/runs/RUN/failures`: `{ failures: [{ tile: "z/x/y", code, message, asset }] }`, a thousand at most
 * - `/api/runs/RUN/cells?zoom=Z&bbox=W,S,E,N`: `CellStates` of the metatiles of a zoom in a part of the map
 * - `/api/remaining`: `{ remaining }`, unsettled metatiles of all running runs: what workers are needed for
 *
 * @throws TilerError `REQUEST_INVALID` for a wrong query, `QUEUE_UNAVAILABLE`
 */
export async function getFromApi(sources: ApiSources, path: string, query: URLSearchParams): Promise<unknown> {
  const { runs, reader } = sources;
  if (path === '/api/runs') return { runs: await reader.list() };
  if (path === '/api/remaining') return { remaining: remainingMetatiles(await reader.list()) };
  const asked = parseRunPath(path);
  if (asked === null) return undefined;
  const { run, rest } = asked;
  return await reader.within(`Reading the run ${run}`, async () => {
    if (rest === '') return (await readRun(sources, run)) ?? undefined;
    if (rest === 'failures') return await readFailures(runs, run);
    if (rest === 'cells') return (await readView(sources, run, query)) ?? undefined;
    return undefined;
  });
}

/**
 * Does what `POST /api/runs/RUN/ACTION` asks for: `pause`, `resume`, `retry` or `cancel`; `undefined` = nothing at this
 * path. A local run that nobody renders any more can only be told to go on: `takenUp` is then `here`, and `command` is
 * what to run.
 *
 * @throws TilerError `RUN_UNKNOWN`, `REQUEST_INVALID` if the run's state forbids it, `QUEUE_UNAVAILABLE`
 */
export async function postToApi({ runs, reader }: ApiSources, path: string): Promise<unknown> {
  const asked = parseRunPath(path);
  const action = ACTIONS.find((one) => one === asked?.rest);
  if (asked === null || action === undefined) return undefined;
  const { run } = asked;
  const steer = async (): Promise<object> => {
    const takenUp = await perform(runs, run, action);
    if (takenUp !== 'here') return { takenUp };
    const output = (await runs.status(run))?.output ?? '';
    return { takenUp, command: `tilewright ${action} ${quote(output)}` };
  };
  return await reader.within(`Asking for ${action} of the run ${run}`, steer, STEER_TIMEOUT_MS);
}

async function perform(runs: Runs, run: string, action: Action): Promise<TakenUp | null> {
  switch (action) {
    case 'pause':
      await runs.pause(run);
      return null;
    case 'cancel':
      await runs.cancel(run);
      return null;
    case 'resume':
      return await runs.resume(run);
    default:
      return await runs.retry(run);
  }
}

/** The run and what follows it in a path below `/api/runs/`; null for other paths. */
export function parseRunPath(path: string): { readonly run: string; readonly rest: string } | null {
  const [, name, rest = ''] = /^\/api\/runs\/([^/]{1,600})(?:\/(.*))?$/.exec(path) ?? [];
  if (name === undefined) return null;
  try {
    return { run: decodeURIComponent(name), rest };
  } catch {
    return null;
  }
}

async function readRun(sources: ApiSources, run: string): Promise<object | null> {
  const [status, output] = await Promise.all([sources.runs.status(run), sources.outputs.get(run)]);
  return status === null ? null : { ...status, map: output === null ? null : await mapOf(sources, run, output) };
}

async function mapOf(sources: Pick<ApiSources, 'reader'>, run: string, output: RunOutput): Promise<RunMap> {
  const { request, extension } = output;
  const { minzoom, maxzoom, tileSize } = request;
  const { bbox } = createPlan(request);
  const tiles = `/api/runs/${encodeURIComponent(run)}/tiles/{z}/{x}/{y}.${extension}`;
  const isArchive = parseStoreLocation(request.output).archive !== undefined;
  return { bbox, minzoom, maxzoom, tileSize, tiles, ...(await findVersion(sources, output)), isArchive };
}

/** A run can be looked at where its output cannot, or takes its time. */
async function findVersion(
  { reader }: Pick<ApiSources, 'reader'>,
  output: RunOutput,
): Promise<Pick<RunMap, 'version' | 'problem'>> {
  try {
    const what = `Reading the version of ${output.request.output}`;
    return { version: await reader.within(what, () => output.version(), VERSION_TIMEOUT_MS), problem: null };
  } catch (error) {
    if (!isTilerError(error)) throw error;
    return { version: null, problem: error.message };
  }
}

async function readFailures(runs: Runs, run: string): Promise<object> {
  const failures = (await runs.failures(run)).slice(0, MAX_FAILURES);
  return { failures: failures.map(failureRecord) };
}

async function readView({ runs, outputs }: ApiSources, run: string, query: URLSearchParams): Promise<object | null> {
  const zoom = query.get('zoom') ?? '';
  const view = (query.get('bbox') ?? '').split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  const [west = NaN, south = NaN, east = NaN, north = NaN] = view;
  const isRight = view.length === 4 && view.every(Number.isFinite) && west <= east && south <= north;
  if (!/^\d{1,2}$/.test(zoom) || !isRight || Math.abs(west) > 1e4 || Math.abs(east) > 1e4) {
    const found = `zoom=${zoom.slice(0, 40)}, bbox=${(query.get('bbox') ?? '').slice(0, 100)}`;
    throw new TilerError('REQUEST_INVALID', `Reading cells: found ${found}, expected zoom=Z and bbox=W,S,E,N`);
  }
  const output = await outputs.get(run);
  if (output === null) return null;
  const inside: View = [west, south, east, north];
  const plan = planCells(output.cover, Number(zoom), inside, MAX_CELLS);
  if (plan === null) {
    const zooms = output.cover.zooms.map(({ z }) => z).join(', ');
    throw new TilerError('REQUEST_INVALID', `Reading cells of zoom ${zoom}: expected one that has metatiles: ${zooms}`);
  }
  return await readCells(plan, (fromIndex, count) => runs.metatileBits(run, fromIndex, count));
}

/** As a shell reads it. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
