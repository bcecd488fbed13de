import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boxItem } from './stac-items.ts';
import { startStacServer } from './stac-server.ts';
import type { StacServer } from './stac-server.ts';
import { writeCog } from './synthetic-cog.ts';

/** Degrees and pixels of the side of one scene. */
const SCENE_DEGREES = 20;
const SCENE_PIXELS = 512;

const SCENES = [
  { id: 'north-west', west: 0, south: 20 },
  { id: 'north-east', west: 19, south: 20 },
  { id: 'south-west', west: 0, south: 1 },
  { id: 'south-east', west: 19, south: 1 },
] as const;

/** Four small scenes that overlap, a STAC API over them, a folder for requests and outputs. */
export interface SmallWorld extends AsyncDisposable {
  readonly stac: StacServer;
  readonly folder: string;
  /** Range requests for scenes so far. */
  readonly reads: () => number;
  /** Writes a request for z0 to z6 to a file and gives its path. The area is larger than the scenes. */
  request(fields?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Scenes whose reads are answered with this status from now on. */
  breakScenes(ids: readonly string[], status: number): void;
  /**
   * The next read is answered with 429 and a `Retry-After` of so many seconds.
   *
   * @returns how many further reads have come while that time ran; null = it was not answered yet
   */
  throttleNext(retryAfterS: number): () => number | null;
  /** Makes every read take this long, so that a run can be stopped in its midst. */
  slowDown(ms: number): void;
}

/** Starts a small world. */
export async function startSmallWorld(): Promise<SmallWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-world-'));
  const files = new Map(SCENES.map((scene, index) => [scene.id as string, sceneBytes(scene.west, scene.south, index)]));
  let broken: { readonly ids: readonly string[]; readonly status: number } = { ids: [], status: 0 };
  let delayMs = 0;
  let reads = 0;
  let requests = 0;
  let throttled: ((response: ServerResponse) => void) | null = null;
  let onRead = (): void => {};

  const fallback = (request: IncomingMessage, response: ServerResponse): boolean => {
    const id = /^\/files\/([a-z-]+)\.tif$/.exec(request.url ?? '')?.[1];
    const bytes = id === undefined ? undefined : files.get(id);
    if (id === undefined || bytes === undefined) return false;
    reads++;
    onRead();
    const answer = (): void => {
      if (throttled !== null) throttled(response);
      else if (broken.ids.includes(id)) response.writeHead(broken.status).end();
      else sendRange(bytes, request, response);
    };
    if (delayMs > 0) setTimeout(answer, delayMs);
    else answer();
    return true;
  };
  const stac = await startStacServer({ items: [], fallback });
  stac.serve(
    SCENES.map(({ id, west, south }) =>
      boxItem(id, [west, south, west + SCENE_DEGREES, south + SCENE_DEGREES], {
        assets: { visual: { href: `${stac.url}/files/${id}.tif` } },
      }),
    ),
  );
  return {
    stac,
    folder,
    reads: () => reads,
    async request(fields = {}) {
      const path = join(folder, `request-${requests++}.json`);
      const request = {
        mosaic: { type: 'stac', url: stac.searchUrl, query: { collections: ['scenes'] } },
        area: { bbox: [-15, -15, 60, 60] },
        minzoom: 0,
        maxzoom: 6,
        assets: ['visual'],
        metatileSize: 2,
        output: 'out',
        ...fields,
      };
      await writeFile(path, JSON.stringify(request));
      return path;
    },
    breakScenes: (ids, status) => void (broken = { ids, status }),
    throttleNext(retryAfterS) {
      let early: number | null = null;
      throttled = (response) => {
        throttled = null;
        let count = 0;
        early = 0;
        const untilMs = performance.now() + retryAfterS * 1000;
        onRead = () => {
          if (performance.now() < untilMs) early = ++count;
        };
        response.writeHead(429, { 'retry-after': String(retryAfterS) }).end();
      };
      return () => early;
    },
    slowDown: (ms) => void (delayMs = ms),
    async [Symbol.asyncDispose]() {
      await stac[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Path and SHA-256 of every file of an output, sorted; hidden files, which are no part of it, are left out. */
export async function filesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const visible = paths.map((path) => path.slice(folder.length + 1)).filter((path) => !/(^|\/)\./.test(path));
  return await Promise.all(
    visible.sort().map(async (path) => {
      const digest = createHash('sha256').update(await readFile(join(folder, path)));
      return `${path} ${digest.digest('hex').slice(0, 16)}`;
    }),
  );
}

/** A slope in three bands, another for each scene, with a corner of nodata. */
function sceneBytes(west: number, south: number, index: number): Uint8Array {
  const resolution = SCENE_DEGREES / SCENE_PIXELS;
  const band = (salt: number): Uint8Array =>
    Uint8Array.from({ length: SCENE_PIXELS ** 2 }, (_, i) => {
      const col = i % SCENE_PIXELS;
      const row = Math.floor(i / SCENE_PIXELS);
      return col + row < 60 ? 0 : 1 + ((col * (salt + 1) + row * (index + 2) + salt * 40) % 254);
    });
  return writeCog({
    width: SCENE_PIXELS,
    height: SCENE_PIXELS,
    bands: [band(0), band(1), band(2)],
    epsg: 4326,
    transform: [resolution, 0, west, 0, -resolution, south + SCENE_DEGREES],
    nodata: 0,
    blockSize: 128,
    overviews: 3,
  });
}

function sendRange(bytes: Uint8Array, request: IncomingMessage, response: ServerResponse): void {
  const [, from = '0', to] = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from);
  const end = Math.min(bytes.length, to === undefined ? bytes.length : Number(to) + 1);
  response.writeHead(206, {
    'content-length': end - start,
    'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
    etag: '"1"',
  });
  response.end(bytes.subarray(start, end));
}
