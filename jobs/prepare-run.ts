import type { Config } from '../src/config.ts';
import { TilerError } from '../src/errors.ts';
import type { IoCounters } from '../src/observe.ts';
import { dayOf, isRelativeDatetime } from '../src/stac/relative-datetime.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import type { AskSources } from './ask-sources.ts';
import type { SourceReach } from './find-source-reach.ts';
import { readManifest, readManifestIfWhole, writeManifest, manifestHead, manifestOfRun } from './manifest.ts';
import type { TilesetPlan } from './plan-jobs.ts';
import { requestHash } from './request/request-hash.ts';
import type { TilesetRequest } from './request/tileset-request.ts';
import { decideStart } from './run-start.ts';
import type { DecideOptions, RunStart } from './run-start.ts';
import { planFieldsOf, planOfRun } from './run-update.ts';
import type { RunMode, UpdateOptions } from './run-update.ts';

/** A request with every choice made, and what it comes to. */
export interface PreparedRun {
  /** With `sourceMinzoom`. */
  readonly request: TilesetRequest;
  readonly requestHash: string;
  /** Of the run: of an update, what it looks at. */
  readonly plan: TilesetPlan;
  readonly start: RunStart;
  readonly mode: RunMode;
  /** What `start` was made of, to see that it is still so when the run begins. */
  readonly decided: { readonly start: RunStart; readonly options: Omit<DecideOptions, 'signal'> };
  /** What the user should know before he waits for it. */
  readonly warnings: readonly string[];
}

export interface PrepareOptions {
  readonly store: TileStore;
  readonly config: Config;
  /** Begin anew and write over what is there. */
  readonly force: boolean;
  /** Bring a finished tileset up to date. Absent or null = leave it as it is. */
  readonly update?: UpdateOptions | null;
  /** Keep what metatiles hand on for lower zooms, so that updates need not render more for its sake. Default false. */
  readonly keepParts?: boolean;
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
export async function prepareRun(given: TilesetRequest, options: PrepareOptions): Promise<PreparedRun> {
  const request = withDay(given);
  const { store, config, force, update = null, ask, counters, signal } = options;
  const manifest = force ? null : await readManifest(store, { signal });
  // An update by another request is begun like a tileset of its own.
  const isBegun = manifest !== null && (update === null || manifest.requestHash === requestHash(request));
  if (isBegun) {
    const begun = { ...request, sourceMinzoom: request.sourceMinzoom ?? manifest.sourceMinzoom ?? request.minzoom };
    return await prepared(begun, [], options);
  }
  const reach = await ask(request, { config, counters, signal });
  const sourceMinzoom = request.sourceMinzoom ?? sourceMinzoomOf(request, reach);
  const resolved = { ...request, sourceMinzoom };
  return await prepared(resolved, overreadWarnings(resolved, reach), options);
}

/** What a run has to say to its output before the first metatile. */
export type BeginningRun = Pick<PreparedRun, 'request' | 'requestHash' | 'mode'> & {
  readonly start: Extract<RunStart, { kind: 'render' }>;
};

/**
 * Makes an output ready for a run that begins: what runs before it have left there and what would be taken for its own is
 * removed. Doing it again before the first metatile is harmless.
 *
 * @throws TilerError those of `TileStore`
 */
export async function clearOutput(
  store: TileStore,
  { start, mode }: Pick<BeginningRun, 'start' | 'mode'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const { overwrite, dropsParts = false } = start;
  // An abandoned update has left what says that its metatiles are to be rendered.
  if (dropsParts || (overwrite && mode.update === null)) await store.deleteStaged({ signal, keepParts: false });
}

/**
 * Looks at an output again, since another process may have begun or finished there after the run was prepared.
 *
 * @throws TilerError `STORE_CONFLICT` if it has, and those of `TileStore`
 */
export async function decideAgain(
  store: TileStore,
  { requestHash: hash, decided }: Pick<PreparedRun, 'requestHash' | 'decided'>,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  const now = await decideStart(store, hash, { ...decided.options, signal });
  if (JSON.stringify(now) === JSON.stringify(decided.start)) return;
  const message = `Rendering to ${store.label}: found that another process has rendered there meanwhile; try again`;
  throw new TilerError('STORE_CONFLICT', message);
}

/** Says that a run renders to an output, and how, so that another process can go on with it. */
export async function announceRun(
  store: TileStore,
  { request, requestHash: hash, start, mode }: BeginningRun,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  // One that is damaged was let pass when the run was decided on, or it would not begin.
  const before = await readManifestIfWhole(store, { signal });
  const head = manifestHead(request, { requestHash: hash, generation: start.generation });
  await writeManifest(store, { ...head, state: 'rendering', ...manifestOfRun(request, mode, before) }, { signal });
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

/** A request whose window of time is counted back from a day that all its processes know. */
function withDay(request: TilesetRequest): TilesetRequest {
  const { mosaic } = request;
  const needsDay = mosaic.asOf === undefined && isRelativeDatetime(mosaic.query['datetime']);
  return needsDay ? { ...request, mosaic: { ...mosaic, asOf: dayOf(new Date()) } } : request;
}

async function prepared(
  request: TilesetRequest,
  warnings: readonly string[],
  { store, force, update: asked = null, keepParts = false, signal }: PrepareOptions,
): Promise<PreparedRun> {
  const hash = requestHash(request);
  const plan = planFieldsOf(request);
  const options = { force, plan, isUpdate: asked !== null };
  const start = await decideStart(store, hash, { ...options, signal });
  const common = { request, requestHash: hash, start, decided: { start, options }, warnings };
  if (start.kind === 'complete') {
    const mode = { update: null, sweeps: false, keepsParts: keepParts };
    return { ...common, plan: planOfRun(request, null), mode };
  }
  const { continues, update: found = null, sweeps = false, dropsParts = false } = start;
  const isBeginning = found !== null && asked !== null && !continues;
  let update = found;
  if (isBeginning) {
    // Most runs are no updates.
    const { prepareUpdate } = await import('./prepare-update.ts');
    update = await prepareUpdate(request, found, { store, asked, dropsParts, signal });
  }
  const keepsParts = keepParts || (continues && (await readManifest(store, { signal }))?.keepsParts === true);
  return { ...common, plan: planOfRun(request, update), mode: { update, sweeps, keepsParts } };
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
