import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boxItem } from './stac-items.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { startStacServer } from './stac-server.ts';
import type { StacServer } from './stac-server.ts';
import { writeCog } from './synthetic-cog.ts';

/** Degrees and pixels of the side of one scene. */
const SCENE_DEGREES = 20;
const SCENE_PIXELS = 512;

export const SCENES = [
  { id: 'north-west', west: 0, south: 20 },
  { id: 'north-east', west: 19, south: 20 },
  { id: 'south-west', west: 0, south: 1 },
  { id: 'south-east', west: 19, south: 1 },
] as const;

const ALL_SCENES: readonly string[] = SCENES.map(({ id }) => id);

/** Four small scenes that overlap, a STAC API over them, a folder for requests and outputs. */
export interface SmallWorld extends AsyncDisposable {
  readonly stac: StacServer;
  readonly folder: string;
  /** Range requests for scenes so far. */
  readonly reads: () => number;
  /** Writes a request for z0 to z6 to a file and gives its path. The area is larger than the scenes. */
  request(fields?: Readonly<Record<string, unknown>>): Promise<string>;
  /** The catalog has these scenes from now on, and no others. */
  serveScenes(ids: readonly string[]): void;
  /** The file of a scene has other pixels, and another ETag, from now on; its item is as it was. */
  changeScene(id: string): void;
  /** As it was first: all scenes are served, with the pixels they had, at once. */
  restore(): void;
  /** Names the scenes and their pixels as they are now: the same text = the same tiles. */
  content(): string;
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
  /** From now on reads wait, so that a run goes on only as far as it is let. */
  hold(): HeldReads;
}

/** Reads that wait for their answers. */
export interface HeldReads {
  /** How many wait whose clients still live. */
  waiting(): number;
  /** Answers the one that has waited longest, if there is one. */
  answerOne(): void;
  /** Answers all, and further ones as they come. */
  release(): void;
}

/** Starts a small world. */
export async function startSmallWorld(): Promise<SmallWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-world-'));
  const first = SCENES.map(
    ({ id, west, south }, index) => [id, { bytes: sceneBytes(west, south, index), version: 1 }] as const,
  );
  const files = new Map<string, SceneFile>(first);
  let served: readonly string[] = ALL_SCENES;
  let broken: { readonly ids: readonly string[]; readonly status: number } = { ids: [], status: 0 };
  let delayMs = 0;
  let isHolding = false;
  const held = new Set<() => void>();
  let reads = 0;
  let requests = 0;
  let throttled: ((response: ServerResponse) => void) | null = null;
  let onRead = (): void => {};

  const fallback = (request: IncomingMessage, response: ServerResponse): boolean => {
    const id = /^\/files\/([a-z-]+)\.tif$/.exec(request.url ?? '')?.[1];
    const file = id === undefined ? undefined : files.get(id);
    if (id === undefined || file === undefined) return false;
    reads++;
    onRead();
    const answer = (): void => {
      if (throttled !== null) throttled(response);
      else if (broken.ids.includes(id)) response.writeHead(broken.status).end();
      else sendRange(file, request, response);
    };
    if (isHolding) {
      held.add(answer);
      response.once('close', () => held.delete(answer));
    } else if (delayMs > 0) setTimeout(answer, delayMs);
    else answer();
    return true;
  };
  const answerOne = (): void => {
    const [answer] = held;
    if (answer === undefined) return;
    held.delete(answer);
    answer();
  };
  const release = (): void => {
    isHolding = false;
    while (held.size > 0) answerOne();
  };
  const stac = await startStacServer({ items: [], fallback });
  const serveScenes = (ids: readonly string[]): void => {
    served = ids;
    stac.serve(
      SCENES.filter(({ id }) => ids.includes(id)).map((scene) =>
        boxItem(scene.id, sceneBbox(scene), { assets: { visual: { href: `${stac.url}/files/${scene.id}.tif` } } }),
      ),
    );
  };
  serveScenes(ALL_SCENES);
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
    serveScenes,
    changeScene(id) {
      const index = SCENES.findIndex((scene) => scene.id === id);
      const { west, south } = SCENES[index] ?? SCENES[0];
      const version = (files.get(id)?.version ?? 1) + 1;
      files.set(id, { bytes: sceneBytes(west, south, index + 7 * version), version });
    },
    restore() {
      for (const [id, file] of first) files.set(id, file);
      serveScenes(ALL_SCENES);
      broken = { ids: [], status: 0 };
      delayMs = 0;
      release();
    },
    content: () => served.map((id) => `${id} ${files.get(id)?.version ?? 0}`).join(),
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
    hold() {
      isHolding = true;
      return { waiting: () => held.size, answerOne, release };
    },
    async [Symbol.asyncDispose]() {
      await stac[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a scene covers, in degrees. */
export function sceneBbox({ west, south }: (typeof SCENES)[number]): Bbox {
  return [west, south, west + SCENE_DEGREES, south + SCENE_DEGREES];
}

/** The file of a scene; its version is its ETag. */
interface SceneFile {
  readonly bytes: Uint8Array;
  readonly version: number;
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

function sendRange({ bytes, version }: SceneFile, request: IncomingMessage, response: ServerResponse): void {
  const [, from = '0', to] = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from);
  const end = Math.min(bytes.length, to === undefined ? bytes.length : Number(to) + 1);
  response.writeHead(206, {
    'content-length': end - start,
    'content-range': `bytes ${start}-${end - 1}/${bytes.length}`,
    etag: `"${version}"`,
  });
  response.end(bytes.subarray(start, end));
}
