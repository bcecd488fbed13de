import { BlockCache } from '../../src/cog/block-cache.ts';
import { createCogPool } from '../../src/cog/cog-pool.ts';
import type { CogPool } from '../../src/cog/cog-pool.ts';
import { createFileVersions } from '../../src/cog/file-versions.ts';
import type { FileVersions } from '../../src/cog/file-versions.ts';
import type { RangeSource } from '../../src/cog/range-source.ts';
import { digestOf } from '../../src/digest.ts';
import { TilerError } from '../../src/errors.ts';
import { boxesToMultiPolygon, WORLD_BBOX } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { scenesTouching } from '../../src/mosaic/asset-filter.ts';
import type { MosaicBackend } from '../../src/mosaic/backend.ts';
import type { Scene } from '../../src/mosaic/scene.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { IoCounters } from '../../src/observe.ts';
import type { Samples } from '../../src/raster/raster.ts';
import { metatileBbox } from '../../src/tms/metatile.ts';
import type { Metatile } from '../../src/tms/metatile.ts';
import { tileBbox, tileTransform } from '../../src/tms/web-mercator-quad.ts';
import { writeCog } from './synthetic-cog.ts';
import type { SyntheticCog } from './synthetic-cog.ts';

/** A scene of which everything is in memory: its assets are whole files. */
export interface MemoryScene {
  readonly id: string;
  readonly footprint: Bbox;
  readonly assets: Readonly<Record<string, Uint8Array>>;
  /** Default `1`. */
  readonly version?: string;
  /** `AssetRef.checksum` of every asset. Default none. */
  readonly checksum?: string;
}

/** A catalog and its files without any I/O, which notes what is asked of them. */
export interface MemoryMosaic extends AsyncDisposable {
  readonly backend: MosaicBackend;
  readonly cogs: CogPool;
  readonly fileVersions: FileVersions;
  readonly counters: IoCounters;
  /** Metatiles asked for. */
  readonly searches: Metatile[];
  /** `scene/asset` of each open, then of each read. */
  readonly opens: string[];
  readonly reads: string[];
  /** Called before each read; what it throws is the failure of the read. */
  onRead: (name: string, offset: number) => Promise<void> | void;
}

/** Makes a mosaic of scenes, first = on top. */
export function createMemoryMosaic(scenes: readonly MemoryScene[]): MemoryMosaic {
  const files = new Map<string, Uint8Array>();
  const ordered = scenes.map(({ id, footprint, assets, version = '1', checksum }): Scene => {
    for (const [key, bytes] of Object.entries(assets)) files.set(`${id}/${key}`, bytes);
    return {
      itemId: id,
      collection: 'memory',
      datetime: null,
      version,
      footprint: footprintOf(footprint),
      bbox: footprint,
      assets: Object.keys(assets).map((key) => ({
        key,
        href: `https://memory.test/${id}/${key}`,
        ...(checksum !== undefined && { checksum }),
      })),
    };
  });
  const counters = createIoCounters();
  const opens: string[] = [];
  const open = (href: string): RangeSource => {
    const name = href.slice('https://memory.test/'.length);
    opens.push(name);
    let version: string | null = null;
    return {
      label: href,
      async read(offset, length, { signal }) {
        signal.throwIfAborted();
        mosaic.reads.push(name);
        counters.readRequests++;
        await mosaic.onRead(name, offset);
        const bytes = files.get(name);
        if (bytes === undefined) throw new TilerError('ASSET_NOT_FOUND', `Reading ${href}: there is no such file`);
        version ??= `"${digestOf(bytes)}"`;
        const part = bytes.slice(offset, offset + length);
        counters.bytesRead += part.length;
        return part;
      },
      version: () => version,
      async [Symbol.asyncDispose]() {
        await Promise.resolve();
      },
    };
  };
  const cogs = createCogPool({ opener: open, counters, cache: new BlockCache(64 * 1024 * 1024), maxOpen: 16 });
  const searches: Metatile[] = [];
  const touching = async (bbox: Bbox): Promise<readonly Scene[]> => {
    counters.searches++;
    return await Promise.resolve(scenesTouching(ordered, bbox));
  };
  const mosaic: MemoryMosaic = {
    backend: {
      tileMatrixSet: 'WebMercatorQuad',
      minzoom: 0,
      maxzoom: 24,
      bounds: WORLD_BBOX,
      crs: 'http://www.opengis.net/def/crs/OGC/1.3/CRS84',
      assetsForMetatile: async (metatile) => {
        searches.push(metatile);
        return await touching(metatileBbox(metatile));
      },
      assetsForTile: async (tile) => await touching(tileBbox(tile)),
      assetsForPoint: async (lng, lat) => await touching([lng - 1e-6, lat - 1e-6, lng + 1e-6, lat + 1e-6]),
      assetsForBbox: touching,
      async [Symbol.asyncDispose]() {
        await Promise.resolve();
      },
    },
    cogs,
    fileVersions: createFileVersions({ opener: open }),
    counters,
    searches,
    opens,
    reads: [],
    onRead: () => {},
    [Symbol.asyncDispose]: () => cogs[Symbol.asyncDispose](),
  };
  return mosaic;
}

function footprintOf(bbox: Bbox): Scene['footprint'] {
  return boxesToMultiPolygon([bbox]);
}

export interface GridScene {
  readonly id: string;
  /** The scene covers `columns × rows` tiles from this one on, in pixels that are those of its zoom: nearest copies them. */
  readonly z: number;
  readonly x: number;
  readonly y: number;
  readonly columns: number;
  readonly rows: number;
  /** Pixels per side of a tile. Default 256. */
  readonly tileSize?: number;
  readonly bands: (index: number, col: number, row: number) => readonly Samples[number][];
  readonly dtype?: 'uint8' | 'uint16';
  readonly file?: Partial<SyntheticCog>;
}

/** A scene of one asset, `data`, on the grid of the tiles. `bands` gives the values of a pixel. */
export function gridScene(grid: GridScene): MemoryScene {
  return { id: grid.id, footprint: gridFootprint(grid), assets: { data: gridCog(grid) } };
}

/** Degrees that a grid scene covers. */
export function gridFootprint({ z, x, y, columns, rows }: GridScene): Bbox {
  const [west, , , north] = tileBbox({ z, x, y });
  const [, south, east] = tileBbox({ z, x: x + columns - 1, y: y + rows - 1 });
  return [west, south, east, north];
}

/** The file of a grid scene. */
export function gridCog({
  z,
  x,
  y,
  columns,
  rows,
  tileSize = 256,
  bands,
  dtype = 'uint8',
  file = {},
}: GridScene): Uint8Array {
  const width = columns * tileSize;
  const height = rows * tileSize;
  const bandCount = bands(0, 0, 0).length;
  const samples = Array.from({ length: bandCount }, () =>
    dtype === 'uint8' ? new Uint8Array(width * height) : new Uint16Array(width * height),
  );
  for (let i = 0; i < width * height; i++) {
    const values = bands(i, i % width, Math.floor(i / width));
    for (let b = 0; b < bandCount; b++) samples[b]![i] = values[b]!;
  }
  const transform = tileTransform({ z, x, y }, tileSize);
  return writeCog({ width, height, bands: samples, epsg: 3857, transform, blockSize: 256, ...file });
}
