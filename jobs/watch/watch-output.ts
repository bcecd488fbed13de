import type { Config, Environment } from '../../src/config.ts';
import { isAbortError, isTilerError } from '../../src/errors.ts';
import type { TilerError } from '../../src/errors.ts';
import { digestOf } from '../../src/digest.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { Logger } from '../../src/observe.ts';
import { CleanupStack } from '../cleanup-stack.ts';
import { localPlaceOf } from '../local/local-files.ts';
import { openOutput } from '../open-output.ts';
import type { Progress } from '../progress.ts';
import { keyPrefix } from '../queue/catalog.ts';
import { runHash } from '../request/request-hash.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { startEventsServer } from './events-server.ts';
import { publishLook } from './publish.ts';
import { createLocalSchedule } from './schedule.ts';
import type { Schedule, Times } from './schedule.ts';
import type { RunUpdates } from './update-engine.ts';
import { WatchLayer } from './watch-layer.ts';
import type { Look } from './watch-layer.ts';
import { lockHere, lockInRedis } from './watch-lock.ts';

export interface WatchOutputOptions {
  readonly request: TilesetRequest;
  readonly config: Config;
  readonly env: Environment;
  readonly engine: { readonly kind: 'here'; readonly processes: number } | { readonly kind: 'queue' };
  /** Null = one look, and as many as follow from it. */
  readonly times: Times | null;
  readonly reconcileMs: number | null;
  readonly allowDeletions: boolean;
  readonly changedTilesFile: string | null;
  readonly invalidationsFile: string | null;
  readonly maxPaths: number;
  readonly command: string | null;
  readonly webhook: string | null;
  /** Where events are taken; null = nowhere. */
  readonly listen: { readonly host: string; readonly port: number } | null;
  readonly progress: () => Progress;
  readonly onLook: (look: Look, searches: number) => void;
  readonly onListening: (url: string) => void;
  readonly note: (text: string) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Looks that may follow from one: what changed while it was rendered is looked at at once. */
const MAX_LOOKS = 5;

/** Codes of errors that no later look can be without. */
const LASTING = new Set(['REQUEST_INVALID', 'CONFIG_INVALID', 'STORE_FORBIDDEN']);

/**
 * Keeps an output like its catalog: one look, or looks by a schedule, while nobody else does the same.
 *
 * @returns the last look; null if there was none
 * @throws TilerError those of a single look; by a schedule only those that would come again
 */
export async function watchOutput(options: WatchOutputOptions): Promise<Look | null> {
  const { request, config, note } = options;
  await using cleanup = new CleanupStack();
  const stopping = new AbortController();
  const onAbort = (): void => stopping.abort(options.signal.reason);
  options.signal.addEventListener('abort', onAbort, { once: true });
  cleanup.defer(() => options.signal.removeEventListener('abort', onAbort));
  if (options.signal.aborted) onAbort();
  const { signal } = stopping;
  const counters = createIoCounters();
  const store = cleanup.use(await openOutput(request, config, { counters, signal }));
  const { runUpdate, lock, schedule } = await openEngine(options, cleanup);
  const { reconcileMs, allowDeletions, logger } = options;
  const now = (): Date => new Date();
  const common = { request, config, store, reconcileMs, allowDeletions, counters, logger, now, signal };
  const layer = cleanup.use(new WatchLayer({ ...common, runUpdate }));
  let last: Look | null = null;
  const publishing = { ...options, store, signal, notify: { ...options, secret: config.webhookSecret, signal } };
  const lookAll = async (): Promise<void> => {
    for (let looks = 0; looks < MAX_LOOKS && !signal.aborted; looks++) {
      const before = counters.searches;
      last = await layer.look();
      options.onLook(last, counters.searches - before);
      await publishLook(last, publishing);
      if (!last.isPending || last.update?.state !== 'complete') return;
    }
  };
  let lost: TilerError | null = null;
  const locking = {
    signal,
    onWait: (): void => note('another process watches this output; waiting for it'),
    onLost: (error: TilerError): void => {
      lost = error;
      stopping.abort();
    },
  };
  if (options.listen !== null) {
    const onItems = async (ids: readonly string[]): Promise<void> => {
      await layer.addItems(ids);
      await schedule?.wake();
    };
    const server = await startEventsServer({ ...options.listen, token: config.eventsToken, onItems, note });
    cleanup.defer(() => server.close());
    options.onListening(server.url);
  }
  try {
    await using _ = await lock(locking);
    if (schedule === null) await lookAll();
    else await schedule.run(() => surviving(lookAll, note), { signal });
  } catch (error) {
    if (lost !== null) throw lost;
    if (!isAbortError(error) || !options.signal.aborted) throw error;
  }
  if (lost !== null) throw lost;
  return last;
}

/** A look that fails is told, and the next one is made when it is time. */
async function surviving(look: () => Promise<void>, note: (text: string) => void): Promise<void> {
  try {
    await look();
  } catch (error) {
    if (!isTilerError(error) || LASTING.has(error.code)) throw error;
    note(`${error.code}: ${error.message}`);
  }
}

interface Engine {
  readonly runUpdate: RunUpdates;
  readonly lock: (options: Parameters<typeof lockHere>[1]) => Promise<AsyncDisposable>;
  /** Null = there is one look alone. */
  readonly schedule: Schedule | null;
}

/** What runs updates, keeps others away, and says when to look. What a queue needs is loaded for one alone. */
async function openEngine(options: WatchOutputOptions, cleanup: CleanupStack): Promise<Engine> {
  const { request, config, engine, times, progress, note } = options;
  if (engine.kind === 'here') {
    const { updatesHere } = await import('./update-here.ts');
    const place = localPlaceOf(request.output, config.stateDir);
    return {
      runUpdate: updatesHere({ config, processes: engine.processes, progress }),
      lock: (locking) => lockHere(place, locking),
      schedule: times === null ? null : createLocalSchedule(times),
    };
  }
  const [{ openQueues }, { connectRedis, closeRedis }, { updatesByQueue }, { createQueueSchedule }] = await Promise.all(
    [
      import('../queue/queues.ts'),
      import('../queue/redis.ts'),
      import('./update-queue.ts'),
      import('./queue-schedule.ts'),
    ],
  );
  const queues = cleanup.use(await openQueues(config, note));
  const redis = await connectRedis(config.redis, { prefix: config.queue.prefix, onWarning: () => {} });
  cleanup.defer(() => closeRedis(redis));
  const name = digestOf(runHash(request)).slice(0, 16);
  const key = `${keyPrefix(config.queue.prefix)}:watching:${name}`;
  return {
    runUpdate: updatesByQueue({ config, queues, progress }),
    lock: (locking) => lockInRedis(redis, key, locking),
    schedule: times === null ? null : createQueueSchedule(times, redis, config, name),
  };
}
