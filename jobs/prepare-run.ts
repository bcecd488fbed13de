import type { Config } from '../src/config.ts';
import type { IoCounters } from '../src/observe.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import type { AskSources } from './ask-sources.ts';
import type { SourceReach } from './find-source-reach.ts';
import { decideStart, readManifest } from './manifest.ts';
import type { RunStart } from './manifest.ts';
import { createPlan } from './plan-jobs.ts';
import type { TilesetPlan } from './plan-jobs.ts';
import { requestHash } from './request/request-hash.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

/** A request with every choice made, and what it comes to. */
export interface PreparedRun {
  /** With `sourceMinzoom`. */
  readonly request: TilesetRequest;
  readonly requestHash: string;
  readonly plan: TilesetPlan;
  readonly start: RunStart;
  /** What the user should know before he waits for it. */
  readonly warnings: readonly string[];
}

export interface PrepareOptions {
  readonly store: TileStore;
  readonly config: Config;
  /** Begin anew and write over what is there. */
  readonly force: boolean;
  /** Called if the output does not know yet how far the sources reach. */
  readonly ask: AskSources;
  /** Count what is asked of the sources. */
  readonly counters: IoCounters;
  readonly signal: AbortSignal;
}

/**
 * Makes a request ready for either engine: finds the lowest zoom that is rendered from the sources, where the request
 * does not give it, and decides how to go about the output. An output keeps the zoom that it was begun with, so that its
 * tiles go together whatever the catalog has become since.
 *
 * @throws TilerError `STORE_CONFLICT`, those of `TileStore`, and those of `findSourceReach`
 */
export async function prepareRun(
  request: TilesetRequest,
  { store, config, force, ask, counters, signal }: PrepareOptions,
): Promise<PreparedRun> {
  const manifest = force ? null : await readManifest(store, { signal });
  if (manifest !== null) {
    const begun = { ...request, sourceMinzoom: request.sourceMinzoom ?? manifest.sourceMinzoom ?? request.minzoom };
    return await prepared(begun, [], { store, force, signal });
  }
  const reach = await ask(request, { config, counters, signal });
  const sourceMinzoom = request.sourceMinzoom ?? sourceMinzoomOf(request, reach);
  const resolved = { ...request, sourceMinzoom };
  return await prepared(resolved, overreadWarnings(resolved, reach), { store, force, signal });
}

/** Warnings as a summary lists them: nothing if there are none. */
export function warningsOf(warnings: readonly string[]): { readonly warnings?: readonly string[] } {
  return warnings.length === 0 ? {} : { warnings };
}

/** The request of one-off readings, which belong to no output: the same choice, made from the sources alone. */
export function withSourceMinzoom(
  request: TilesetRequest,
  reach: SourceReach | null,
): TilesetRequest & { readonly sourceMinzoom: number } {
  return { ...request, sourceMinzoom: request.sourceMinzoom ?? sourceMinzoomOf(request, reach) };
}

async function prepared(
  request: TilesetRequest,
  warnings: readonly string[],
  options: { readonly store: TileStore; readonly force: boolean; readonly signal: AbortSignal },
): Promise<PreparedRun> {
  const hash = requestHash(request);
  const start = await decideStart(options.store, hash, options);
  return { request, requestHash: hash, plan: createPlan(request), start, warnings };
}

/** As low as all of the sample can be read; all zooms if nothing is known of the sources. */
function sourceMinzoomOf({ minzoom, maxzoom }: TilesetRequest, reach: SourceReach | null): number {
  return Math.min(Math.max(reach?.zoom ?? minzoom, minzoom), maxzoom);
}

/** Zooms that are read from sources although their overviews do not reach them. */
function overreadWarnings(
  { minzoom, maxzoom, sourceMinzoom = minzoom }: TilesetRequest,
  reach: SourceReach | null,
): readonly string[] {
  const from = Math.max(sourceMinzoom, minzoom);
  if (reach === null || from >= reach.zoom) return [];
  const to = Math.min(reach.zoom - 1, maxzoom);
  const zooms = from === to ? `zoom ${from}` : `zooms ${from} to ${to}`;
  const times = 4 ** (reach.zoom - from);
  const advice =
    from === maxzoom ? 'add overviews to it (gdaladdo)' : 'leave sourceMinzoom out, or add overviews (gdaladdo)';
  return [
    `${zooms} are read from sources without overviews for them, such as ${reach.scene}: up to ${times} times as many ` +
      `pixels as with them; ${advice}`,
  ];
}
