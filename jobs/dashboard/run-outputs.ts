import type { Config } from '../../src/config.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import { createCover } from '../../src/tms/cover.ts';
import type { Cover } from '../../src/tms/cover.ts';
import type { Tile } from '../../src/tms/tile.ts';
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
  let store: Promise<TileStore> | null = null;
  return {
    request,
    cover: createCover({ ...request, area: coverAreaOf(request) }),
    extension,
    contentType,
    async tile(tile, tileSignal) {
      store ??= openOutput(request, config, { counters: createIoCounters(), signal });
      return await (await store).get(tile, { signal: tileSignal });
    },
    async [Symbol.asyncDispose]() {
      const opened = await store?.catch(() => null);
      await opened?.[Symbol.asyncDispose]();
    },
  };
}
