import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import type { TilesetRequest } from '../../jobs/request/tileset-request.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { answerRange } from './range-server.ts';
import { boxItem } from './stac-items.ts';
import { startStacServer } from './stac-server.ts';
import type { ServedItem, StacServer } from './stac-server.ts';
import { writeCog } from './synthetic-cog.ts';

/** A scene of a changing world: where it lies, and what is in its file. */
export interface MadeScene {
  readonly west: number;
  readonly south: number;
  /** Degrees and pixels of its side: a pixel is 0.25 degrees. */
  readonly degrees: number;
  /** Changes every pixel. */
  readonly seed: number;
  readonly datetime: string;
  readonly updated: string;
  /** Without a geometry it may be anywhere. */
  readonly isAnywhere?: boolean;
  /** Its item states a checksum of its file. */
  readonly isChecked?: boolean;
}

/** A catalog with files on loopback, in which everything may change at any time, and a folder for outputs. */
export interface ChangingWorld extends AsyncDisposable {
  readonly stac: StacServer;
  readonly folder: string;
  /** Scenes by ID. Whoever changes it calls `serve`. */
  readonly scenes: Map<string, MadeScene>;
  /** IDs of scenes whose files are not there. */
  readonly broken: Set<string>;
  /** Makes the catalog what `scenes` are. */
  serve(): void;
  /** Range requests for files so far. */
  readonly reads: () => number;
  request(fields?: Readonly<Record<string, unknown>>): TilesetRequest;
}

const PIXELS_PER_DEGREE = 4;

/** Starts a world without scenes. */
export async function startChangingWorld(): Promise<ChangingWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-changing-'));
  const scenes = new Map<string, MadeScene>();
  const broken = new Set<string>();
  const files = new Map<string, Uint8Array>();
  let reads = 0;
  const bytesOf = (scene: MadeScene): Uint8Array => {
    const { west, south, degrees, seed } = scene;
    const key = JSON.stringify([west, south, degrees, seed]);
    const bytes = files.get(key) ?? sceneBytes(scene);
    files.set(key, bytes);
    return bytes;
  };
  const fallback = (request: IncomingMessage, response: ServerResponse): boolean => {
    const id = /^\/files\/([a-z0-9-]+)\.tif$/.exec(request.url ?? '')?.[1] ?? '';
    const scene = scenes.get(id);
    if (scene === undefined) return false;
    reads++;
    answerRange(request, response, broken.has(id) ? null : bytesOf(scene));
    return true;
  };
  const stac = await startStacServer({ items: [], fallback });
  return {
    stac,
    folder,
    scenes,
    broken,
    serve: () => stac.serve([...scenes].map(([id, scene]) => itemOf(stac.url, id, scene, () => bytesOf(scene)))),
    reads: () => reads,
    request: (fields = {}) =>
      parseTilesetRequest({
        mosaic: { type: 'stac', url: stac.searchUrl, query: { collections: ['scenes'] } },
        area: { bbox: [-20, -20, 60, 60] },
        minzoom: 0,
        maxzoom: 4,
        sourceMinzoom: 3,
        assets: ['visual'],
        metatileSize: 2,
        output: join(folder, 'out'),
        ...fields,
      }),
    async [Symbol.asyncDispose]() {
      await stac[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function itemOf(url: string, id: string, scene: MadeScene, bytes: () => Uint8Array): ServedItem {
  const { west, south, degrees, datetime, updated, isAnywhere = false, isChecked = false } = scene;
  const bbox: Bbox = [west, south, west + degrees, south + degrees];
  const checksum = isChecked ? { 'file:checksum': `1220${createHash('sha256').update(bytes()).digest('hex')}` } : {};
  const { bbox: _, ...item } = boxItem(id, bbox, {
    properties: { datetime, updated },
    assets: { visual: { href: `${url}/files/${id}.tif`, ...checksum } },
  });
  return isAnywhere ? { ...item, geometry: null } : { ...item, bbox };
}

function sceneBytes({ west, south, degrees, seed }: MadeScene): Uint8Array {
  const size = degrees * PIXELS_PER_DEGREE;
  const band = Uint8Array.from({ length: size ** 2 }, (_, i) => {
    const [col, row] = [i % size, Math.floor(i / size)];
    return col + row < size / 4 ? 0 : 1 + ((col * 3 + row * 5 + seed * 37) % 254);
  });
  return writeCog({
    width: size,
    height: size,
    bands: [band],
    epsg: 4326,
    transform: [1 / PIXELS_PER_DEGREE, 0, west, 0, -1 / PIXELS_PER_DEGREE, south + degrees],
    nodata: 0,
    blockSize: 64,
    overviews: 1,
  });
}
