import { pathToFileURL } from 'node:url';
import { BlockCache } from '../../src/cog/block-cache.ts';
import { createCogPool } from '../../src/cog/cog-pool.ts';
import { createHttpAgent } from '../../src/cog/http-agent.ts';
import type { Cog } from '../../src/cog/cog.ts';
import { createRangeSourceOpener } from '../../src/cog/open-range-source.ts';
import { planRead } from '../../src/cog/plan-read.ts';
import { WORLD_BBOX } from '../../src/geo/bbox.ts';
import type { MosaicBackend } from '../../src/mosaic/backend.ts';
import type { CogOpener } from '../../src/mosaic/scene-reader.ts';
import type { Scene } from '../../src/mosaic/scene.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import type { Window } from '../../src/raster/raster.ts';

const MIB = 1024 * 1024;

/** More plans than are remembered. */
const FORGOTTEN_AFTER = 9000;

/** What one read of blocks asked for. */
interface Prefetch {
  readonly href: string;
  readonly level: number;
  readonly windows: Window[];
}

/** Files in a fixed order, each of which may touch everything, read as a worker with default settings reads them. */
export interface FileMosaic extends AsyncDisposable {
  readonly backend: MosaicBackend;
  readonly cogs: CogOpener;
  readonly counters: IoCounters;
  /** Forgets all decoded blocks and all plans; files stay open, as they do from one metatile to the next. */
  cool(): Promise<void>;
  /** The windows read since the last call, one entry for each file and level. */
  takeReads(): readonly Prefetch[];
  /** Reads the blocks of windows into the cache, and nothing else. */
  decode(reads: readonly Prefetch[]): Promise<void>;
}

/** Makes a mosaic of files, first = on top. */
export function createFileMosaic(files: readonly string[], fileRoot: string): FileMosaic {
  const counters = createIoCounters();
  const cache = new BlockCache(128 * MIB);
  const agent = createHttpAgent();
  const opener = createRangeSourceOpener({ counters, agent, fileRoot, allowedHosts: null, s3Client: null });
  const pool = createCogPool({ opener, counters, cache, maxOpen: 128 });
  const scenes = files.map((file, n): Scene => ({
    itemId: String(n),
    collection: null,
    datetime: null,
    version: '',
    footprint: null,
    bbox: null,
    assets: [{ key: 'data', href: pathToFileURL(file).href }],
  }));
  const all = async (): Promise<readonly Scene[]> => await Promise.resolve(scenes);
  const { signal } = new AbortController();
  let reads = new Map<string, Prefetch>();
  const record = (href: string, level: number, windows: readonly Window[]): void => {
    const key = `${level} ${href}`;
    const known = reads.get(key) ?? { href, level, windows: [] };
    known.windows.push(...windows);
    reads.set(key, known);
  };
  const recorded = new WeakMap<Cog, Cog>();
  const recording = (href: string, cog: Cog): Cog => {
    const known = recorded.get(cog);
    if (known !== undefined) return known;
    const wrapped = new Proxy(cog, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target);
        if (typeof value !== 'function') return value;
        if (key !== 'prefetch') return value.bind(target) as unknown;
        return async (...call: Parameters<Cog['prefetch']>) => {
          record(href, call[0], call[1]);
          await target.prefetch(...call);
        };
      },
    });
    recorded.set(cog, wrapped);
    return wrapped;
  };
  return {
    backend: {
      tileMatrixSet: 'WebMercatorQuad',
      minzoom: 0,
      maxzoom: 24,
      bounds: WORLD_BBOX,
      crs: 'http://www.opengis.net/def/crs/OGC/1.3/CRS84',
      assetsForMetatile: all,
      assetsForTile: all,
      assetsForPoint: all,
      assetsForBbox: all,
      async [Symbol.asyncDispose]() {},
    },
    cogs: { open: async (href, options) => recording(href, await pool.open(href, options)) },
    counters,
    async cool() {
      cache.forget('');
      const cog = await pool.open(scenes[0]!.assets[0]!.href, { signal });
      for (let n = 0; n < FORGOTTEN_AFTER; n++)
        planRead(cog, { bounds: [-1 - n, -1, -n, 0], width: 1, height: 1 }, 'nearest');
    },
    takeReads() {
      const taken = [...reads.values()];
      reads = new Map();
      return taken;
    },
    async decode(taken) {
      for (const { href, level, windows } of taken) {
        const cog = await pool.open(href, { signal });
        await cog.prefetch(level, windows, { signal });
      }
    },
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await agent.close();
    },
  };
}
