import { TilerError } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';
import { createCover } from '../../src/tms/cover.ts';
import { coverAreaOf, createPlan } from '../../jobs/plan-jobs.ts';
import type { MetatileBits, Runs, RunStatus, ShownState, TakenUp } from '../../jobs/runs.ts';
import type { TilesetRequest } from '../../jobs/request/tileset-request.ts';
import { worldRequest } from './world-request.ts';

/** A run whose state a test sets. */
interface MemoryRun {
  readonly run: string;
  readonly request: TilesetRequest;
  readonly indexCount: number;
  readonly done: Uint8Array;
  readonly failed: Uint8Array;
  state: ShownState;
  engine: RunStatus['engine'];
  failures: TileFailure[];
  /** One tile for each metatile, for the sake of figures. */
  settle(index: number, outcome: 'done' | 'failed'): void;
}

/** Runs in memory, as both engines show them. */
export interface MemoryRuns extends Runs {
  /** What was asked of it so far, by method. */
  readonly calls: Map<string, number>;
  /** While set, nothing is answered. */
  away: Promise<void> | null;
  add(run: string, fields?: Readonly<Record<string, unknown>>): MemoryRun;
}

/** Makes an empty set of runs. */
export function createMemoryRuns(): MemoryRuns {
  const all = new Map<string, MemoryRun>();
  const calls = new Map<string, number>();
  const called = async (name: string): Promise<void> => {
    calls.set(name, (calls.get(name) ?? 0) + 1);
    await memory.away;
  };
  const change = async (name: string, run: string, from: readonly ShownState[], to: ShownState): Promise<MemoryRun> => {
    await called(name);
    const found = all.get(run);
    if (found === undefined) throw new TilerError('RUN_UNKNOWN', `No run ${run}`);
    if (!from.includes(found.state)) throw new TilerError('REQUEST_INVALID', `The run ${run} is ${found.state}`);
    // A local run that nobody renders goes on only when somebody does.
    if (found.engine === 'queue' || found.state === 'running' || found.state === 'paused') found.state = to;
    return found;
  };
  const takenUp = (run: MemoryRun): TakenUp => (run.engine === 'local' ? 'here' : 'continued');
  const memory: MemoryRuns = {
    calls,
    away: null,
    add(run, fields = {}) {
      const made = createMemoryRun(run, fields);
      all.set(run, made);
      return made;
    },
    async list() {
      await called('list');
      return [...all.values()].reverse().map(statusOf);
    },
    async status(run) {
      await called('status');
      const found = all.get(run);
      return found === undefined ? null : statusOf(found);
    },
    async failures(run) {
      await called('failures');
      return all.get(run)?.failures ?? [];
    },
    async request(run) {
      await called('request');
      return all.get(run)?.request ?? null;
    },
    async metatileBits(run, fromIndex, count): Promise<MetatileBits | null> {
      await called('metatileBits');
      const found = all.get(run);
      if (found === undefined) return null;
      if (fromIndex % 8 !== 0) throw new Error(`index ${fromIndex}`);
      const part = (bits: Uint8Array): Uint8Array => bits.subarray(fromIndex / 8, Math.ceil((fromIndex + count) / 8));
      return { fromIndex, done: part(found.done), failed: part(found.failed) };
    },
    pause: async (run) => void (await change('pause', run, ['running'], 'paused')),
    resume: async (run) => takenUp(await change('resume', run, ['paused'], 'running')),
    cancel: async (run) => void (await change('cancel', run, ['running', 'paused'], 'cancelled')),
    retry: async (run) => takenUp(await change('retry', run, ['failed', 'cancelled', 'interrupted'], 'running')),
    clean: () => Promise.resolve([]),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return memory;
}

function createMemoryRun(run: string, fields: Readonly<Record<string, unknown>>): MemoryRun {
  const request = worldRequest({ output: '/nowhere/at all', ...fields });
  const { indexCount } = createPlan(request);
  const [done, failed] = [new Uint8Array(Math.ceil(indexCount / 8)), new Uint8Array(Math.ceil(indexCount / 8))];
  return {
    run,
    request,
    indexCount,
    done,
    failed,
    state: 'running',
    engine: 'queue',
    failures: [],
    settle(index, outcome) {
      (outcome === 'done' ? done : failed)[index >> 3]! |= 0x80 >> (index & 7);
    },
  };
}

function statusOf({ run, request, done, failed, state, engine, failures }: MemoryRun): RunStatus {
  const { zooms } = createCover({ ...request, area: coverAreaOf(request) });
  const perZoom = zooms.map(({ z, firstIndex, indexCount }) => ({
    z,
    metatiles: indexCount,
    done: count(done, firstIndex, indexCount),
    failed: count(failed, firstIndex, indexCount),
  }));
  const sum = (key: 'metatiles' | 'done' | 'failed'): number => perZoom.reduce((total, zoom) => total + zoom[key], 0);
  const codes = [...new Set(failures.map(({ code }) => code))];
  return {
    run,
    engine,
    name: request.name ?? null,
    output: request.output,
    state,
    reason: null,
    tiles: sum('metatiles'),
    rendered: sum('done'),
    empty: 0,
    failed: sum('failed'),
    metatiles: sum('metatiles'),
    settledMetatiles: sum('done') + sum('failed'),
    failedMetatiles: sum('failed'),
    unchangedMetatiles: 0,
    zooms: perZoom.sort((a, b) => a.z - b.z),
    tilesPerSecond: state === 'running' ? 12.5 : null,
    etaSeconds: state === 'running' ? 4000 : null,
    failuresByCode: Object.fromEntries(codes.map((code) => [code, failures.filter((one) => one.code === code).length])),
    maxFailures: null,
    startedAt: '2026-11-22T10:00:00.000Z',
    updatedAt: '2026-11-22T10:01:00.000Z',
    endedAt: null,
    io: createIoCounters(),
  };
}

function count(bits: Uint8Array, from: number, length: number): number {
  let total = 0;
  for (let at = from; at < from + length; at++) total += (bits[at >> 3]! >> (7 - (at & 7))) & 1;
  return total;
}
