import { askSources } from '../../jobs/ask-sources.ts';
import { finishTileset } from '../../jobs/finish-tileset.ts';
import { runId } from '../../jobs/manifest.ts';
import { createIoMeter } from '../../jobs/metatile-result.ts';
import { createFindBaseline } from '../../jobs/open-baseline.ts';
import { openPipeline } from '../../jobs/pipeline.ts';
import { announceRun, clearOutput, prepareRun } from '../../jobs/prepare-run.ts';
import { runHash } from '../../jobs/request/request-hash.ts';
import { failTiles, failureOf } from '../../jobs/retry.ts';
import type { TilesetRequest } from '../../jobs/request/tileset-request.ts';
import type { UpdateOptions } from '../../jobs/run-update.ts';
import type { UpdateOutcome } from '../../jobs/watch/update-engine.ts';
import type { Config } from '../../src/config.ts';
import { isTilerError } from '../../src/errors.ts';
import { createIoCounters, SILENT } from '../../src/observe.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';
import { createLeftOutTally } from '../../src/render/left-out.ts';
import { allTilesOf } from '../../src/tms/metatile.ts';
import { processMetatile } from '../../workers/render-metatile.ts';

export interface InProcessOptions {
  readonly request: TilesetRequest;
  readonly config: Config;
  /** Null = a render. */
  readonly update: UpdateOptions | null;
  /** Render over what is there. Default false. */
  readonly force?: boolean;
  /** Keep what updates need. Default: if it is one. */
  readonly keepParts?: boolean;
  /** Called before each metatile; what it throws ends the run as a killed process does. */
  readonly beforeMetatile?: () => void;
  readonly signal: AbortSignal;
}

/**
 * A third engine: the same preparation, processor and end as the others, one metatile after the other in this process and
 * without a journal, so that hundreds of small runs take seconds.
 */
export async function runInProcess(options: InProcessOptions): Promise<UpdateOutcome> {
  const {
    request: given,
    config,
    update,
    force = false,
    keepParts = update !== null,
    beforeMetatile,
    signal,
  } = options;
  const counters = createIoCounters();
  const preparing = { config, force, update, keepParts, ask: askSources, counters, signal };
  await using pipeline = await openPipeline(given, config, { signal, logger: SILENT });
  const { store, renderer } = pipeline;
  const prepared = await prepareRun(given, { ...preparing, store });
  const { request, requestHash, plan, start, mode } = prepared;
  const counts = { rendered: 0, empty: 0, failed: 0, metatiles: plan.counts().metatiles, unchanged: 0 };
  const run = runId(runHash(request), start.kind === 'complete' ? start.manifest.generation : start.generation);
  const total = plan.counts().tiles;
  if (start.kind === 'complete') return { ...counts, run, state: 'complete', total };
  if (!start.continues) await clearOutput(store, { ...prepared, start }, { signal });
  await announceRun(store, { ...prepared, start }, { signal });
  const baseline = mode.update === null ? undefined : createFindBaseline(store, mode.update);
  const failures: TileFailure[] = [];
  const leftOutTally = createLeftOutTally();
  for (const work of plan.works()) {
    beforeMetatile?.();
    const processing = { renderer, store, work, overwrite: start.overwrite, baseline, storeConcurrency: 4, signal };
    try {
      const result = await processMetatile({ ...processing, timeoutMs: 60_000, takeIo: createIoMeter(counters) });
      counts.rendered += result.rendered;
      counts.empty += result.empty;
      counts.unchanged += result.unchanged === true ? 1 : 0;
      failures.push(...result.failures);
      leftOutTally.add(result.leftOut);
    } catch (error) {
      if (!isTilerError(error)) throw error;
      failures.push(...failTiles(allTilesOf(work), failureOf(error)));
    }
  }
  counts.failed = failures.length;
  const leftOut = leftOutTally.total();
  const finished = { ...counts, request, requestHash, generation: start.generation, mode, failures, leftOut, signal };
  await finishTileset(store, finished);
  return { ...counts, run, state: failures.length > 0 ? 'failed' : 'complete', total };
}
