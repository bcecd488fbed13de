import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'bullmq';
import type { Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { METATILE_QUEUE, RUN_QUEUE, RUN_WORKER_SETTINGS, keyPrefix } from '../../jobs/queue/catalog.ts';
import type { ExpandPayload, MetatilePayload } from '../../jobs/queue/catalog.ts';
import { decideStart } from '../../jobs/run-start.ts';
import { createReadingPipeline } from '../../jobs/pipeline.ts';
import type { openPipeline } from '../../jobs/pipeline.ts';
import { createPlan } from '../../jobs/plan-jobs.ts';
import { seedRun } from '../../jobs/queue/producer.ts';
import type { SeedOptions, SeedOutcome } from '../../jobs/queue/producer.ts';
import { Neighbours } from '../../jobs/queue/neighbours.ts';
import { QueueRuns } from '../../jobs/queue/queue-runs.ts';
import { openQueues } from '../../jobs/queue/queues.ts';
import type { Queues } from '../../jobs/queue/queues.ts';
import { connectRedis } from '../../jobs/queue/redis.ts';
import type { RedisConnection } from '../../jobs/queue/redis.ts';
import { requestHash } from '../../jobs/request/request-hash.ts';
import type { RunRecord } from '../../jobs/queue/run-record.ts';
import type { TilesetRequest } from '../../jobs/request/tileset-request.ts';
import { parseConfig } from '../../src/config.ts';
import type { Config } from '../../src/config.ts';
import { SILENT, createIoCounters } from '../../src/observe.ts';
import { NOTHING_LEFT_OUT } from '../../src/render/left-out.ts';
import type { MetatileReport, TileRenderer } from '../../src/render/tile-renderer.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import type { MetatileSink, TileStore } from '../../src/store/tile-store.ts';
import { allTilesOf } from '../../src/tms/metatile.ts';
import type { MetatileWork } from '../../src/tms/metatile.ts';
import { tileIdFromTile } from '../../src/tms/tile-id.ts';
import { createExpandProcessor } from '../../workers/expand-run.ts';
import { createMetatileProcessor } from '../../workers/metatile-processor.ts';
import { RunCache } from '../../workers/run-cache.ts';
import { OF_NOTHING } from './metatile-work.ts';
import { INSTALL_TIMEOUT_MS } from './install.ts';
import { until } from './processes.ts';
import { startRedis } from './redis.ts';
import type { RedisServer } from './redis.ts';
import { worldRequest } from './world-request.ts';

/** A Redis for the tests of a file, and a queue world of its own for each. @param env - settings besides */
export function useQueueWorld(env: Readonly<Record<string, string>> = {}): () => QueueWorld {
  let redis: RedisServer;
  let world: QueueWorld;
  let tests = 0;
  beforeAll(async () => {
    redis = await startRedis();
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => await redis[Symbol.asyncDispose]());
  beforeEach(async () => {
    const prefix = `${redis.env['TILEWRIGHT_QUEUE_PREFIX']}-${tests++}`;
    world = await QueueWorld.open({ ...redis.env, TILEWRIGHT_QUEUE_PREFIX: prefix, ...env });
  });
  afterEach(async () => await world[Symbol.asyncDispose]());
  return () => world;
}

/** Renders nothing: says what becomes of a metatile. */
export type DryRender = (work: MetatileWork, signal: AbortSignal) => Promise<Partial<MetatileReport>>;

type Fields = Readonly<Record<string, unknown>>;

/** The real queue, supervisor and metatile processor over a real Redis, with a renderer that costs nothing. */
export class QueueWorld implements AsyncDisposable {
  readonly config: Config;
  readonly queues: Queues;
  readonly runs: QueueRuns;
  readonly folder: string;
  private readonly cleanup: (() => PromiseLike<unknown>)[] = [];

  private constructor(config: Config, queues: Queues, folder: string) {
    this.config = config;
    this.queues = queues;
    this.folder = folder;
    this.runs = new QueueRuns(queues, config.retry);
  }

  static async open(env: Readonly<Record<string, string>>): Promise<QueueWorld> {
    const config = parseConfig(env);
    const folder = await mkdtemp(join(tmpdir(), 'tilewright-queue-'));
    return new QueueWorld(config, await openQueues(config), folder);
  }

  /** A run of as many metatiles as tiles: the world from z0 to `maxzoom`, to the folder `out`. */
  recordOf(fields: Fields = {}): Omit<RunRecord, 'run' | 'generation' | 'overwrite'> {
    const { out = 'out', ...rest } = fields;
    const request = worldRequest({ output: join(this.folder, String(out)), ...rest });
    const plan = createPlan(request);
    const { tiles, metatiles } = plan.counts();
    return { request, requestHash: requestHash(request), indexCount: plan.indexCount, tiles, metatiles };
  }

  async seed(
    fields: Fields = {},
    { force = false, ...options }: Partial<SeedOptions> & { readonly force?: boolean } = {},
  ): Promise<SeedOutcome> {
    const { signal } = new AbortController();
    const record = this.recordOf(fields);
    const store = createFileStore(record.request.output, { extension: 'png', counters: createIoCounters() });
    const start = await decideStart(store, record.requestHash, { force, signal });
    return await seedRun({ ...this.queues, record, store, start, attempts: 3, signal, ...options });
  }

  /** The real supervisor. */
  async startSupervisor(): Promise<Worker<ExpandPayload>> {
    const { runStore, metatileQueue } = this.queues;
    const processor = createExpandProcessor({
      config: this.config,
      runStore,
      metatiles: metatileQueue,
      logger: SILENT,
    });
    const options = { ...(await this.workerOptions()), ...RUN_WORKER_SETTINGS, concurrency: 4 };
    return this.keep(new Worker<ExpandPayload>(RUN_QUEUE.name, processor, options));
  }

  /** The real processor over a renderer that costs nothing. `onJob` sees each job before it. */
  async startWorker(
    render: DryRender = async () => await Promise.resolve({}),
    { concurrency = 4, onJob = () => {} }: { concurrency?: number; onJob?: (job: Job<MetatilePayload>) => void } = {},
  ): Promise<Worker<MetatilePayload>> {
    const { runStore, runQueue, metatileQueue } = this.queues;
    const options = await this.workerOptions();
    const neighbours = new Neighbours(options.connection, metatileQueue);
    const runs = new RunCache({ runStore, config: this.config, logger: SILENT, openPipeline: dryPipeline(render) });
    const processor = createMetatileProcessor({
      config: this.config,
      runStore,
      runQueue,
      runs,
      neighbours,
      logger: SILENT,
    });
    this.cleanup.push(() => runs[Symbol.asyncDispose]());
    const worker = new Worker<MetatilePayload>(
      METATILE_QUEUE.name,
      async (job, token, signal) => {
        onJob(job);
        await processor(job, token, signal);
      },
      { ...options, concurrency },
    );
    return this.keep(worker);
  }

  /** Takes metatile jobs without rendering anything: `settle` says what becomes of them. Default: all are done. */
  async startSettler(settle = async (payload: MetatilePayload) => await this.settle(payload)): Promise<void> {
    const process = async ({ data }: Job<MetatilePayload>): Promise<void> => await settle(METATILE_QUEUE.parse(data));
    this.keep(new Worker(METATILE_QUEUE.name, process, { ...(await this.workerOptions()), concurrency: 8 }));
  }

  /** Counts a metatile as done, with all of its tiles rendered. */
  async settle({ run, index }: Pick<MetatilePayload, 'run' | 'index'>): Promise<void> {
    const record = await this.queues.runStore.get(run);
    if (record !== null) await stageDry(record.request, index);
    await this.queues.runStore.complete(run, { index, rendered: 1, empty: 0 });
  }

  /** Jobs of all runs that wait, whatever their lane. */
  async waiting(): Promise<number> {
    const counts = await this.queues.metatileQueue.getJobCounts('waiting', 'prioritized', 'delayed');
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  async untilEnded(run: string): Promise<string> {
    return await this.untilState(run, 'complete', 'failed', 'cancelled', 'gone');
  }

  async untilState(run: string, ...states: readonly string[]): Promise<string> {
    return await until(`the run to be ${states.join(' or ')}`, async () => {
      const state = (await this.queues.runStore.progress(run))?.state ?? 'gone';
      return states.includes(state) ? state : null;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const action of this.cleanup.reverse()) await action();
    await this.queues[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }

  /** A connection that is closed with the world. */
  async connect(): Promise<RedisConnection> {
    const connection = await connectRedis(this.config.redis, { prefix: this.config.queue.prefix, onWarning: () => {} });
    this.cleanup.push(async () => await Promise.resolve(connection.disconnect()));
    return connection;
  }

  private async workerOptions() {
    return {
      connection: await this.connect(),
      prefix: keyPrefix(this.config.queue.prefix),
      removeOnComplete: { count: 0 },
      settings: { backoffStrategy: () => 10 },
    };
  }

  private keep<T>(worker: Worker<T>): Worker<T> {
    worker.on('error', () => {});
    this.cleanup.push(() => worker.close());
    return worker;
  }
}

/** What a metatile of such a renderer puts for every tile. */
const DRY_TILE = Uint8Array.of(0);

/** A pipeline whose renderer does what it is told, and whose tiles go nowhere; what metatiles stage lies in the output. */
function dryPipeline(render: DryRender): typeof openPipeline {
  return async (request, config, { logger }) => {
    const reading = createReadingPipeline(request, config, logger);
    const renderMetatile: TileRenderer['renderMetatile'] = async (work, sink, { signal }) => {
      const tiles = allTilesOf(work);
      const report = { empty: 0, failures: [], leftOut: NOTHING_LEFT_OUT, ...OF_NOTHING };
      const given = { ...report, rendered: tiles.length, ...(await render(work, signal)) };
      for (const tile of tiles.slice(0, given.rendered)) await sink(tile, { tile, bytes: DRY_TILE, scenes: [] });
      return given;
    };
    const renderer = { ...reading.renderer, renderMetatile };
    return await Promise.resolve({ ...reading, renderer, store: createDryStore(request.output) });
  };
}

/** A store that keeps what metatiles stage, and no tile. */
function createDryStore(output: string): TileStore {
  const store = createFileStore(output, { extension: 'png', counters: createIoCounters() });
  const openMetatile = (index: number): MetatileSink => {
    const nothing = async (): Promise<void> => await Promise.resolve();
    return { ...store.openMetatile(index), put: nothing, delete: nothing };
  };
  return Object.assign(Object.create(store) as TileStore, { openMetatile });
}

/** Leaves what a metatile leaves that has rendered all of its tiles. */
async function stageDry(request: TilesetRequest, index: number): Promise<void> {
  const work = createPlan(request).workAt(index);
  const digest = createHash('sha256').update(DRY_TILE).digest('hex').slice(0, 32);
  const tiles = (work === null ? [] : allTilesOf(work))
    .map((tile) => ({ tileId: tileIdFromTile(tile), length: DRY_TILE.length, digest }))
    .sort((a, b) => a.tileId - b.tileId);
  const record = { index, inputs: OF_NOTHING.inputs, tiles, empty: [], failed: [] };
  const { signal } = new AbortController();
  await createDryStore(request.output).openMetatile(index).commit(record, { signal });
}
