import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { STAGES } from '../src/observe.ts';
import type { IoCounters, StageMeter } from '../src/observe.ts';
import { IO_KEYS } from '../jobs/metatile-result.ts';
import type { MetatileResult } from '../jobs/metatile-result.ts';
import type { MetricJson } from '../jobs/fleet/worker-channel.ts';

/**
 * What became of one execution of a metatile job: its tiles are in place; they are, and nothing had to be rendered; they
 * failed for good; it will be tried again; it was left out, as it is settled or its run is stopped; it went back to the queue
 * because the worker ends; it waits for those that it is made of.
 */
export type MetatileOutcome = 'done' | 'unchanged' | 'failed' | 'retried' | 'dropped' | 'handed_back' | 'postponed';

const OUTCOMES: readonly MetatileOutcome[] = [
  'done',
  'unchanged',
  'failed',
  'retried',
  'dropped',
  'handed_back',
  'postponed',
];

/** From a cached block to a search that was retried for half a minute. */
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** How finely the delay of the event loop is measured, and how far a measurement is off at most. */
const RESOLUTION_MS = 10;

const IO_METRICS: Readonly<Record<keyof IoCounters, readonly [name: string, help: string]>> = {
  searches: ['tilewright_searches_total', 'Pages of STAC searches asked for'],
  readRequests: ['tilewright_read_requests_total', 'Range reads from files, HTTP servers and S3, retries counted'],
  bytesRead: ['tilewright_read_bytes_total', 'Bytes read from scenes'],
  blocksDecoded: ['tilewright_blocks_decoded_total', 'COG blocks decoded'],
  writeRequests: ['tilewright_write_requests_total', 'Objects or files written'],
  bytesWritten: ['tilewright_written_bytes_total', 'Bytes written'],
  overreads: ['tilewright_overreads_total', 'Reads of scenes without fitting overviews'],
};

/** What a worker process counts and measures, for Prometheus. */
export interface WorkerMetrics {
  readonly stages: StageMeter;
  /** A metatile job is begun. */
  begin(): void;
  /** It is over; `result` is what rendering came to, if it came to that. */
  end(outcome: MetatileOutcome, result: MetatileResult | null): void;
  json(): Promise<readonly MetricJson[]>;
  text(): Promise<string>;
}

/** Makes the metrics of this process. */
export function createWorkerMetrics(isRedisConnected: () => boolean): WorkerMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(createEventLoopDelay());
  const connected = new Gauge({
    name: 'tilewright_redis_connected',
    help: '1 while Redis answers',
    registers: [],
    collect() {
      this.set(isRedisConnected() ? 1 : 0);
    },
  });
  registry.registerMetric(connected);
  const underWay = new Gauge({ name: 'tilewright_metatiles_under_way', help: 'Metatile jobs held', registers });
  const metatiles = new Counter({
    name: 'tilewright_metatiles_total',
    help: 'Executions of metatile jobs by outcome',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of OUTCOMES) metatiles.inc({ outcome }, 0);
  const tiles = new Counter({
    name: 'tilewright_tiles_total',
    help: 'Tiles of settled metatiles by outcome',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['rendered', 'empty', 'unchanged', 'failed']) tiles.inc({ outcome }, 0);
  const io = IO_KEYS.map((key) => {
    const [name, help] = IO_METRICS[key];
    return [key, new Counter({ name, help, registers })] as const;
  });
  return {
    stages: createStageMeter(registers),
    begin: () => underWay.inc(),
    end(outcome, result) {
      underWay.dec();
      metatiles.inc({ outcome });
      if (result === null) return;
      for (const [key, counter] of io) counter.inc(result.io[key]);
      if (outcome === 'unchanged') tiles.inc({ outcome }, result.rendered + result.empty);
      if (outcome !== 'done' && outcome !== 'failed') return;
      tiles.inc({ outcome: 'rendered' }, result.rendered);
      tiles.inc({ outcome: 'empty' }, result.empty);
      tiles.inc({ outcome: 'failed' }, result.failures.length);
    },
    json: async () => (await registry.getMetricsAsJSON()) as readonly MetricJson[],
    text: async () => await registry.metrics(),
  };
}

function createStageMeter(registers: Registry[]): StageMeter {
  const seconds = new Histogram({
    name: 'tilewright_stage_seconds',
    help: 'Time of one search, open, range read, block, warp of a scene, tile encoded, tile written',
    labelNames: ['stage'],
    buckets: SECONDS,
    registers,
  });
  // Found once, as looking labels up costs more than counting.
  const byStage = Object.fromEntries(STAGES.map((stage) => [stage, seconds.labels(stage)]));
  for (const stage of STAGES) seconds.zero({ stage });
  return { observe: (stage, taken) => byStage[stage]?.observe(taken) };
}

function createEventLoopDelay(): Gauge<'statistic'> {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  // What is recorded is the time between two turns of a timer that is due every RESOLUTION_MS.
  const seconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1e3);
  return new Gauge({
    name: 'tilewright_event_loop_delay_seconds',
    help: 'How long the event loop was held, since it was last asked for',
    labelNames: ['statistic'],
    registers: [],
    collect() {
      this.set({ statistic: 'max' }, seconds(delay.max));
      this.set({ statistic: 'p99' }, seconds(delay.percentile(99)));
      delay.reset();
    },
  });
}
