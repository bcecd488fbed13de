import type { Config } from '../src/config.ts';
import type { Logger } from '../src/observe.ts';
import type { MetricsServer, Observed } from '../jobs/fleet/metrics-server.ts';
import { loadTelemetry } from '../jobs/queue/telemetry.ts';
import type { FromWorker, LifeSign, ToWorker, WorkerState } from '../jobs/fleet/worker-channel.ts';
import { superviseShutdown } from './lifecycle.ts';
import type { ProcessEvents } from './lifecycle.ts';
import { startLifeSigns } from './life-signs.ts';
import { loadAhead } from './load-ahead.ts';
import type { WorkerMetrics } from './metrics.ts';
import { createWorkerRuntime } from './runtime.ts';

/** What a worker process has to do with the world. */
export interface WorkerProcessEvents extends ProcessEvents {
  /** The fleet that it belongs to; null = it is on its own. */
  readonly parent: {
    send(message: FromWorker): void;
    onMessage(listener: (message: ToWorker) => void): void;
  } | null;
}

const MEBIBYTE = 1024 ** 2;

/**
 * One worker process from its start to its exit. In a fleet it gives its parent signs of life, and its metrics when they
 * are asked for; the parent looks after it. On its own it answers for itself at `metricsListen`, and ends well once it
 * takes more memory than it may, for whatever started it to start it anew.
 *
 * @throws TilerError `CONFIG_INVALID` if it cannot listen at `metricsListen`
 */
export async function runWorkerProcess(config: Config, logger: Logger, events: WorkerProcessEvents): Promise<void> {
  const { parent } = events;
  const stopping = new AbortController();
  let close = async (): Promise<void> => {};
  const stop = superviseShutdown(events, async (cause) => {
    stopping.abort();
    logger.info({ cause }, 'worker stopping');
    await close();
    logger.info({}, 'worker stopped');
  });
  // Before anybody can ask: from the first answer on there has to be a runtime to ask about.
  await loadAhead();
  let isReady = false;
  const stateNow = (): WorkerState => {
    if (stopping.signal.aborted) return 'stopping';
    if (!isReady) return 'starting';
    return runtime.isConnected() ? 'ready' : 'away';
  };
  const metrics = config.metricsListen === null ? null : await loadMetrics(() => runtime.isConnected());
  const telemetry = await loadTelemetry(config);
  const server = parent === null && metrics !== null ? await serve(config, logger, metrics, () => stateNow()) : null;
  // Told to end in the meantime: it ends without having taken anything.
  if (stopping.signal.aborted) return;
  const runtime = createWorkerRuntime(config, logger, { metrics, telemetry });
  close = async () => {
    life.now();
    await runtime.close(config.shutdownGraceMs);
    await server?.[Symbol.asyncDispose]();
  };
  const checkMemory = ({ rssBytes }: LifeSign): void => {
    if (stopping.signal.aborted || rssBytes <= config.maxRssBytes) return;
    const [takes, allowed] = [rssBytes, config.maxRssBytes].map((bytes) => Math.round(bytes / MEBIBYTE));
    stop(`it takes ${takes} MiB of memory; allowed are ${allowed}`);
  };
  const life = startLifeSigns(stateNow, (sign) => (parent === null ? checkMemory(sign) : parent.send(sign)));
  life.now();
  parent?.onMessage((message) => void answer(message, metrics, parent));
  await runtime.ready();
  if (stopping.signal.aborted) return;
  isReady = true;
  logger.info({ concurrency: config.worker.concurrency }, 'worker ready');
  life.now();
}

async function loadMetrics(isRedisConnected: () => boolean): Promise<WorkerMetrics> {
  const { createWorkerMetrics } = await import('./metrics.ts');
  return createWorkerMetrics(isRedisConnected);
}

async function answer(
  { id }: ToWorker,
  metrics: WorkerMetrics | null,
  parent: NonNullable<WorkerProcessEvents['parent']>,
): Promise<void> {
  parent.send({ kind: 'metrics', id, metrics: (await metrics?.json()) ?? [] });
}

async function serve(
  { metricsListen }: Config,
  logger: Logger,
  metrics: WorkerMetrics,
  state: () => WorkerState,
): Promise<MetricsServer> {
  const { startMetricsServer } = await import('../jobs/fleet/metrics-server.ts');
  const observed: Observed = {
    metrics: () => metrics.text(),
    // It answers, so its event loop turns.
    health: () => ({ isWell: true, text: 'ok' }),
    readiness() {
      const now = state();
      if (now === 'ready') return { isWell: true, text: 'ok' };
      return { isWell: false, text: now === 'away' ? 'waits for Redis' : now };
    },
  };
  const server = await startMetricsServer(metricsListen ?? '', observed);
  logger.info({ url: `${server.url}/metrics` }, 'metrics are served');
  return server;
}
