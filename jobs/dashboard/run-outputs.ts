import type { Config } from '../../src/config.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import { createCover } from '../../src/tms/cover.ts';
import type { Cover } from '../../src/tms/cover.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { createFresh } from '../fresh.ts';
import { createRequestEncoder, openOutput } from '../open-output.ts';
import { coverAreaOf } from '../plan-jobs.ts';
import type { Runs } from '../runs.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';

/** What a run covers, and its tiles. */
export interface RunOutput extends AsyncDisposable {
  readonly request: TilesetRequest;
  readonly cover: Cover;
  readonly extension: string;
  readonly contentType: string;
  /** ID of the version whose tiles are shown; null = none is published. @throws TilerError those of the store */
  version(): Promise<string | null>;
  /** Null if the tile is empty, or not there yet. @throws TilerError those of the store */
  tile(tile: Tile, signal: AbortSignal): Promise<Uint8Array | null>;
}

/** The outputs of the runs that were looked at last. */
export interface RunOutputs extends AsyncDisposable {
  /** Null if there is no such run. */
  get(run: string): Promise<RunOutput | null>;
}

const MAX_OPEN = 16;
/** A folder may be begun anew with another request under the same name. */
const FRESH_MS = 15_000;
/** A new version is seen so soon after it was published. */
const VERSION_FRESH_MS = 2_000;

/** Keeps what is costly to make of a run: its cover and its store, which is opened when a first tile is asked for. */
export function createRunOutputs(runs: Pick<Runs, 'request'>, config: Config, signal: AbortSignal): RunOutputs {
  const open = new Map<string, { readonly at: number; readonly output: Promise<RunOutput | null> }>();
  const forget = (run: string): void => {
    const output = open.get(run)?.output;
    open.delete(run);
    void output?.then((found) => found?.[Symbol.asyncDispose]()).catch(() => {});
  };
  return {
    async get(run) {
      const known = open.get(run);
      if (known !== undefined && performance.now() - known.at < FRESH_MS) return await known.output;
      forget(run);
      const output = runs
        .request(run)
        .then((request) => (request === null ? null : createRunOutput(request, config, signal)));
      open.set(run, { at: performance.now(), output });
      const [oldest] = open.keys();
      if (open.size > MAX_OPEN && oldest !== undefined) forget(oldest);
      return await output.catch((error: unknown) => {
        forget(run);
        throw error;
      });
    },
    async [Symbol.asyncDispose]() {
      const outputs = await Promise.allSettled([...open.values()].map(({ output }) => output));
      open.clear();
      const found = outputs.flatMap((one) => (one.status === 'fulfilled' && one.value !== null ? [one.value] : []));
      await Promise.allSettled(found.map((output) => output[Symbol.asyncDispose]()));
    },
  };
}

function createRunOutput(request: TilesetRequest, config: Config, signal: AbortSignal): RunOutput {
  const { extension, contentType } = createRequestEncoder(request);
  // What is replaced by a newer version is closed with the rest: tiles may be read of it still.
  const opened: TileStore[] = [];
  const open = async (): Promise<TileStore> => {
    const store = await openOutput(request, config, { counters: createIoCounters(), signal });
    opened.push(store);
    return store;
  };
  const current = createFresh<{ readonly store: TileStore; readonly version: string | null }>(async (last) => {
    const store = last?.store ?? (await open());
    const version = (await store.versions({ signal }))?.current ?? null;
    return { version, store: last === null || last.version === version ? store : await open() };
  }, VERSION_FRESH_MS);
  return {
    request,
    cover: createCover({ ...request, area: coverAreaOf(request) }),
    extension,
    contentType,
    version: async () => (await current.get()).version,
    tile: async (tile, tileSignal) => await (await current.get()).store.get(tile, { signal: tileSignal }),
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(opened.splice(0).map((store) => store[Symbol.asyncDispose]()));
    },
  };
}
