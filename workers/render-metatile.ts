import pLimit from 'p-limit';
import { isAbortError, TilerError } from '../src/errors.ts';
import type { IoCounters } from '../src/observe.ts';
import { NOTHING_LEFT_OUT } from '../src/render/left-out.ts';
import type { EncodedTile, MetatileReport, TileRenderer } from '../src/render/tile-renderer.ts';
import type { MetatileSink, TileStore } from '../src/store/tile-store.ts';
import type { MetatileWork } from '../src/tms/metatile.ts';
import type { Tile } from '../src/tms/tile.ts';
import type { FindBaseline } from '../jobs/find-baseline.ts';
import type { MetatileResult } from '../jobs/metatile-result.ts';
import { failureOf } from '../jobs/retry.ts';
import { keepMetatile } from './keep-metatile.ts';
import { MetatileTally } from './metatile-tally.ts';

export interface ProcessMetatileOptions {
  readonly renderer: TileRenderer;
  readonly store: TileStore;
  readonly work: MetatileWork;
  /** Tiles may be there already: an empty tile deletes what is at its address. */
  readonly overwrite: boolean;
  /** Of an update: finds what a metatile was made of. Absent = all is rendered. */
  readonly baseline?: FindBaseline | undefined;
  /** Tiles of this metatile being written at the same time. */
  readonly storeConcurrency: number;
  /** Growth of the process's counters since it was last asked. */
  readonly takeIo: () => IoCounters;
  /** For all of it. What hangs in spite of the time-outs of single calls ends here, and the metatile is tried again. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Renders one metatile and puts its tiles in the store, with the record of what they were made of: the one processor of
 * both engines. When it returns, every tile that it counts as rendered or empty is in place. Doing it again gives the same
 * bytes at the same addresses. In an update, tiles that would be the same again are kept as they are (`keepMetatile`).
 *
 * Writing overlaps rendering, with at most `2 · storeConcurrency` finished tiles in memory. A tile that cannot be
 * written is a failed tile; a failed search fails the call.
 *
 * @throws TilerError `JOB_TIMEOUT`, and those of `MosaicBackend`; an `AbortError` when `signal` is aborted
 */
export async function processMetatile(options: ProcessMetatileOptions): Promise<MetatileResult> {
  const { signal, timeoutMs, work } = options;
  signal.throwIfAborted();
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    controller.abort();
  }, timeoutMs);
  try {
    // Not raced: what is being written is waited for, so that nobody else writes the same tile meanwhile.
    return await execute({ ...options, signal: controller.signal });
  } catch (error) {
    if (!isLate || !isAbortError(error)) throw error;
    const { z, x, y, size } = work.metatile;
    const tiles = `${size} x ${size} tiles from ${z}/${x * size}/${y * size}`;
    throw new TilerError('JOB_TIMEOUT', `Rendering ${tiles}: not done within ${timeoutMs} ms`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

async function execute(options: ProcessMetatileOptions): Promise<MetatileResult> {
  const { renderer, store, work, overwrite, baseline, signal } = options;
  const startedAt = performance.now();
  const resultOf = (result: Omit<MetatileResult, 'index' | 'io' | 'ms'>): MetatileResult => {
    return { index: work.index, ...result, io: options.takeIo(), ms: performance.now() - startedAt };
  };
  const kept = baseline === undefined ? null : await keepMetatile({ renderer, store, work, baseline, signal });
  if (kept !== null) {
    const counts = { rendered: kept.tiles.length, empty: kept.empty.length };
    return resultOf({ ...counts, failures: [], leftOut: NOTHING_LEFT_OUT, unchanged: true });
  }
  const output = store.openMetatile(work.index);
  // From here on, nobody may take the tiles that are there for those of the version before.
  if (overwrite) await output.begin({ signal });
  const tally = new MetatileTally();
  const report = await renderInto(output, tally, options);
  // With failed tiles too: what was rendered stays, and a further execution writes all of it again.
  await output.commit(tally.record(work.index, report), { signal });
  return resultOf({
    rendered: tally.rendered,
    empty: tally.emptied,
    failures: [...report.failures, ...tally.lost],
    leftOut: report.leftOut,
  });
}

/** Renders, and writes each tile as it comes. */
async function renderInto(
  output: MetatileSink,
  tally: MetatileTally,
  { renderer, work, overwrite, storeConcurrency, signal }: ProcessMetatileOptions,
): Promise<MetatileReport> {
  const limit = pLimit(storeConcurrency);
  const writes = new Set<Promise<void>>();
  let abortError: unknown = null;

  const write = async (tile: Tile, encoded: EncodedTile | null): Promise<void> => {
    try {
      if (encoded !== null) await output.put(tile, encoded.bytes, { signal });
      else if (overwrite) await output.delete(tile, { signal });
      tally.add(tile, encoded?.bytes ?? null);
    } catch (error) {
      if (isAbortError(error)) abortError = error;
      else tally.lose({ tile, ...failureOf(error) });
    }
  };

  const sink = async (tile: Tile, encoded: EncodedTile | null): Promise<void> => {
    const pending = limit(() => write(tile, encoded)).finally(() => writes.delete(pending));
    writes.add(pending);
    if (writes.size >= 2 * storeConcurrency) await Promise.race(writes);
  };

  let report: MetatileReport;
  try {
    report = await renderer.renderMetatile(work, sink, { signal });
  } finally {
    // A metatile is not left while one of its tiles is still being written, whatever becomes of it.
    await Promise.all(writes);
  }
  signal.throwIfAborted();
  if (abortError !== null) throw abortError;
  return report;
}
