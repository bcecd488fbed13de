import { Gauge, Registry } from 'prom-client';
import type { Runs, RunStatus, ShownState } from './runs.ts';

/** Figures of all runs in the text format of Prometheus. */
export interface RunMetrics {
  readonly contentType: string;
  /** Reads the runs once. */
  text(): Promise<string>;
}

const STATES: readonly ShownState[] = ['running', 'paused', 'complete', 'failed', 'cancelled', 'interrupted'];
/** Runs with figures of their own; each is a dozen time series. All running ones count as remaining. */
const MAX_RUNS = 100;

/**
 * Figures about runs, read when they are asked for; nothing is remembered between. `tilewright_metatiles_remaining` is
 * what workers are scaled by: the unsettled metatiles of all running runs.
 */
export function createRunMetrics(runs: Pick<Runs, 'list'>): RunMetrics {
  const registry = new Registry();
  const gauge = (name: string, help: string, labelNames: readonly string[] = []): Gauge =>
    new Gauge({ name, help, labelNames: [...labelNames], registers: [registry] });
  const remaining = gauge('tilewright_metatiles_remaining', 'Metatiles of all running runs that are not settled');
  const counts = gauge('tilewright_runs', 'Runs by state', ['state']);
  const metatiles = gauge('tilewright_run_metatiles', 'Metatiles of a run by state: todo, done, unchanged, failed', [
    'run',
    'state',
  ]);
  const tiles = gauge('tilewright_run_tiles', 'Tiles of a run by outcome: todo, rendered, empty, failed', [
    'run',
    'outcome',
  ]);
  const failures = gauge('tilewright_run_failures', 'Failed tiles of a run by error code', ['run', 'code']);
  const rate = gauge('tilewright_run_tiles_per_second', 'Tiles a second of about the last minute; 0 unless it runs', [
    'run',
  ]);

  const set = (status: RunStatus): void => {
    const { run } = status;
    const done = status.settledMetatiles - status.failedMetatiles;
    metatiles.set({ run, state: 'todo' }, status.metatiles - status.settledMetatiles);
    metatiles.set({ run, state: 'done' }, done - status.unchangedMetatiles);
    metatiles.set({ run, state: 'unchanged' }, status.unchangedMetatiles);
    metatiles.set({ run, state: 'failed' }, status.failedMetatiles);
    const settled = status.rendered + status.empty + status.failed;
    tiles.set({ run, outcome: 'todo' }, Math.max(0, status.tiles - settled));
    tiles.set({ run, outcome: 'rendered' }, status.rendered);
    tiles.set({ run, outcome: 'empty' }, status.empty);
    tiles.set({ run, outcome: 'failed' }, status.failed);
    for (const [code, count] of Object.entries(status.failuresByCode)) failures.set({ run, code }, count);
    rate.set({ run }, status.tilesPerSecond ?? 0);
  };
  return {
    contentType: registry.contentType,
    async text() {
      const list = await runs.list();
      registry.resetMetrics();
      remaining.set(remainingMetatiles(list));
      for (const state of STATES) counts.set({ state }, list.filter((one) => one.state === state).length);
      for (const status of foremostRuns(list, MAX_RUNS)) set(status);
      return await registry.metrics();
    },
  };
}

/** At most so many runs, in the order given: those that are running or paused, and the newest of the others. */
export function foremostRuns(runs: readonly RunStatus[], most: number): readonly RunStatus[] {
  const isOpen = ({ state }: RunStatus): boolean => state === 'running' || state === 'paused';
  let ended = most - runs.filter(isOpen).length;
  return runs.filter((status) => isOpen(status) || ended-- > 0).slice(0, most);
}

/** Metatiles of running runs that are not settled: what workers are needed for. */
export function remainingMetatiles(runs: readonly RunStatus[]): number {
  const running = runs.filter(({ state }) => state === 'running');
  return running.reduce((sum, { metatiles, settledMetatiles }) => sum + metatiles - settledMetatiles, 0);
}
