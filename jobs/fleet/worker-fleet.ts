import type { Config } from '../../src/config.ts';
import { FleetSlot } from './fleet-slot.ts';
import type { FleetMetrics } from './fleet-metrics.ts';
import type { WorkerEnding } from './fleet-slot.ts';
import type { MetricsServer, Observed, Probe } from './metrics-server.ts';
import { WorkerProcess } from './worker-process.ts';

/** How often the processes are looked after. They give a sign of life once a second. */
const WATCH_EVERY_MS = 500;

/** A process of which nothing is heard for so long is not well, and killed only after `hangMs`. */
const SILENT_MS = 10_000;
/** Until the first sign of life. */
const SILENT_AT_START_MS = 60_000;

export interface WorkerFleetOptions extends Pick<
  Config,
  'shutdownGraceMs' | 'hangMs' | 'maxRssBytes' | 'metricsListen'
> {
  readonly processes: number;
  /** Environment of the workers; the rest of this process's is theirs too. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onNote: (text: string) => void;
}

/**
 * Runs worker processes until `signal` is aborted, starting those that die again, killing those that hang and replacing
 * those that grow too large. If the parent is killed they notice, and stop well. With `metricsListen` it answers for all of
 * them from before they start until the last has ended.
 *
 * @returns true if every worker ended well; a worker that cannot use its configuration ends the fleet
 * @throws TilerError `CONFIG_INVALID` if it cannot listen at `metricsListen`
 */
export async function runWorkerFleet(options: WorkerFleetOptions, signal: AbortSignal): Promise<boolean> {
  let onEnd: (ending: WorkerEnding) => void = () => {};
  const slots: FleetSlot[] = [];
  const processes = (): readonly WorkerProcess[] => slots.flatMap((slot) => slot.processes);
  const start = (): WorkerProcess => new WorkerProcess(freeNumber(processes()), options);
  for (let n = 0; n < options.processes; n++) {
    slots.push(new FleetSlot({ ...options, start, onEnd: (ending) => onEnd(ending) }));
  }
  await using metrics = await serveMetrics(options, slots, processes, signal);
  if (metrics !== null) onEnd = (ending) => metrics.ended(ending);
  const watching = watch(slots);
  try {
    return (await Promise.all(slots.map((slot) => slot.keep(signal)))).every(Boolean);
  } finally {
    clearInterval(watching);
  }
}

function watch(slots: readonly FleetSlot[]): NodeJS.Timeout {
  let last = performance.now();
  return setInterval(() => {
    const now = performance.now();
    // If this process itself was held up, or the machine slept, the signs of life are still to be read.
    const passedMs = Math.min(now - last, 2 * WATCH_EVERY_MS);
    last = now;
    for (const slot of slots) slot.watch(passedMs);
  }, WATCH_EVERY_MS);
}

function freeNumber(processes: readonly WorkerProcess[]): number {
  const taken = new Set(processes.map((worker) => worker.number));
  let number = 0;
  while (taken.has(number)) number++;
  return number;
}

async function serveMetrics(
  { metricsListen, onNote }: WorkerFleetOptions,
  slots: readonly FleetSlot[],
  processes: () => readonly WorkerProcess[],
  signal: AbortSignal,
): Promise<(Pick<FleetMetrics, 'ended'> & MetricsServer) | null> {
  if (metricsListen === null) return null;
  const [{ createFleetMetrics }, { startMetricsServer }] = await Promise.all([
    import('./fleet-metrics.ts'),
    import('./metrics-server.ts'),
  ]);
  const metrics = createFleetMetrics(processes);
  const observed: Observed = {
    metrics: () => metrics.text(),
    health: () => probe(slots, healthOf),
    readiness: () => (signal.aborted ? { isWell: false, text: 'stopping' } : probe(slots, readinessOf)),
  };
  const server = await startMetricsServer(metricsListen, observed);
  onNote(`metrics at ${server.url}/metrics`);
  return { ...server, ended: (ending) => metrics.ended(ending) };
}

/** What is wrong with a place in the fleet; null = nothing. */
type Problem = string | null;

function probe(slots: readonly FleetSlot[], problemOf: (slot: FleetSlot) => Problem): Probe {
  const problems = slots.flatMap((slot, n) => {
    const problem = problemOf(slot);
    return problem === null ? [] : [`worker ${n} ${problem}`];
  });
  return problems.length === 0 ? { isWell: true, text: 'ok' } : { isWell: false, text: problems.join('; ') };
}

function healthOf({ processes }: FleetSlot): Problem {
  if (processes.length === 0) return 'has ended and is about to be started again';
  const silent = processes.find((worker) => worker.silentMs > (worker.isHeard ? SILENT_MS : SILENT_AT_START_MS));
  if (silent === undefined) return null;
  return `(process ${silent.pid}) has given no sign of life for ${Math.round(silent.silentMs / 1000)} s`;
}

function readinessOf({ processes }: FleetSlot): Problem {
  if (processes.some((worker) => worker.state === 'ready')) return null;
  const [first] = processes;
  if (first === undefined) return 'has ended and is about to be started again';
  return first.state === 'away' ? 'waits for Redis' : `is ${first.state}`;
}
