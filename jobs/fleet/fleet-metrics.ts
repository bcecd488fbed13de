import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import type { WorkerEnding } from './fleet-slot.ts';
import type { MetricJson } from './worker-channel.ts';
import type { WorkerProcess } from './worker-process.ts';

/** A process whose event loop is held for longer is left out of one answer. */
const ANSWER_MS = 2_000;

const ENDINGS: readonly WorkerEnding[] = ['died', 'hung', 'memory', 'replaced'];

/** The metrics of a fleet: those of its processes side by side, and its own. */
export interface FleetMetrics {
  ended(ending: WorkerEnding): void;
  text(): Promise<string>;
}

/**
 * Makes the metrics of a fleet. Every series of a worker has a label `process`: 0, 1, …; a number is taken again when its
 * process has ended, so that there are never more than processes.
 */
export function createFleetMetrics(processes: () => readonly WorkerProcess[]): FleetMetrics {
  const registry = new Registry();
  const states = new Gauge({
    name: 'tilewright_worker_processes',
    help: 'Worker processes that live, by state',
    labelNames: ['state'],
    registers: [],
    collect() {
      for (const state of ['starting', 'ready', 'away', 'stopping'] as const) {
        this.set({ state }, processes().filter((worker) => worker.state === state).length);
      }
    },
  });
  registry.registerMetric(states);
  const ends = new Counter({
    name: 'tilewright_worker_ends_total',
    help: 'Worker processes that died, were killed as they hung or took too much memory, or were replaced',
    labelNames: ['cause'],
    registers: [registry],
  });
  for (const cause of ENDINGS) ends.inc({ cause }, 0);
  return {
    ended: (cause) => ends.inc({ cause }),
    async text() {
      const ofWorkers = processes().map(async (worker) => labelled(await worker.metrics(ANSWER_MS), worker.number));
      const own = (await registry.getMetricsAsJSON()) as readonly MetricJson[];
      const all = [own, ...(await Promise.all(ofWorkers))];
      // Labels differ, so nothing is added up; what this makes is one help and type for all series of a name.
      return await AggregatorRegistry.aggregate(all.map((metrics) => [...metrics])).metrics();
    },
  };
}

function labelled(metrics: readonly MetricJson[], process: number): readonly MetricJson[] {
  return metrics.map((metric) => ({
    ...metric,
    // Those that only one of all processes would have are of interest for each of them here.
    aggregator: 'sum',
    values: metric.values.map((value) => ({ ...value, labels: { ...value.labels, process: String(process) } })),
  }));
}
