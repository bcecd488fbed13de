import type { Config } from '../src/config.ts';
import { SILENT } from '../src/observe.ts';
import type { IoCounters } from '../src/observe.ts';
import { withRetries } from '../src/retry.ts';
import { findSourceReach } from './find-source-reach.ts';
import type { SourceReach } from './find-source-reach.ts';
import { createReadingPipeline } from './pipeline.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

/** Longest wait before the sources are asked again. */
const MAX_WAIT_MS = 60_000;

interface AskOptions {
  readonly config: Config;
  /** Count what is asked of the sources. */
  readonly counters: IoCounters;
  readonly signal: AbortSignal;
}

/** Finds out how far the sources of a request reach, here or in another process. */
export type AskSources = (request: TilesetRequest, options: AskOptions) => Promise<SourceReach | null>;

/**
 * Asks the sources of a request in this process: of their files as patiently as a metatile would.
 *
 * @throws TilerError those of `findSourceReach`
 */
export const askSources: AskSources = async (request, { config, counters, signal }) => {
  await using pipeline = createReadingPipeline(request, config, SILENT, { counters });
  const { attempts, backoffMs } = config.retry;
  return await withRetries(
    () => findSourceReach(request, pipeline, { signal }),
    { attempts, baseMs: backoffMs, maxMs: MAX_WAIT_MS },
    // A search has tried again by itself: a catalog that is away, or not there, is told at once.
    { signal, isFinal: ({ code }) => code.startsWith('STAC_') },
  );
};
