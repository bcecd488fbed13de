import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { isTilerError, TilerError } from '../src/errors.ts';
import { createIoCounters } from '../src/observe.ts';
import { openTileStore } from '../src/store/open-store.ts';
import type { TileStore } from '../src/store/tile-store.ts';
import { parseTileJson, TILEJSON_CONTENT_TYPE, TILEJSON_NAME } from '../src/store/tilejson.ts';
import type { TileJson } from '../src/store/tilejson.ts';
import { PREVIEW_SCRIPT, PREVIEW_STYLE, previewPage } from './preview-page.ts';

export interface PreviewOptions {
  /** What a request's `output` was: a folder, a `file:` URL or `s3://bucket/prefix`. */
  readonly output: string;
  /** Default 127.0.0.1: whoever can reach the address can see the tiles. */
  readonly host?: string;
  /** Default 0: a free one is chosen. */
  readonly port?: number;
  readonly forcePathStyle?: boolean;
  readonly signal: AbortSignal;
}

export interface PreviewServer {
  /** Address of the page. */
  readonly url: string;
  /** Stops serving at once and closes the store. */
  close(): Promise<void>;
}

interface Answer {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
};

/** MapLibre's worker is a module that its main module loads from its own folder. Nothing else of the package is served. */
const MAPLIBRE_FILES: Readonly<Record<string, string>> = {
  '/maplibre-gl.mjs': 'text/javascript',
  '/maplibre-gl-worker.mjs': 'text/javascript',
  '/maplibre-gl.css': 'text/css',
};

const TILE_PATH = /^\/tiles\/([0-9]{1,2})\/([0-9]{1,9})\/([0-9]{1,9})\.([a-z0-9]+)$/;

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self' blob:",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/**
 * Serves a page on which the tiles of an output can be looked at: MapLibre GL JS, TileJSON and tiles, all from this one
 * server and without the internet. Only GET and HEAD; nothing is written. An empty tile is 204.
 *
 * @throws TilerError `REQUEST_INVALID` if there is no tileset at `output`, `CONFIG_INVALID` if the address cannot be
 * listened on, and those of `openTileStore`
 */
export async function startPreviewServer(options: PreviewOptions): Promise<PreviewServer> {
  const { store, tileset } = await openTileset(options);
  const closing = new AbortController();
  const server = createServer((request, response) => {
    answerRequest(request, response, store, tileset, closing.signal).catch(() => response.destroy());
  });
  try {
    await listen(server, options.host ?? '127.0.0.1', options.port ?? 0);
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`,
    async close() {
      closing.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      await store[Symbol.asyncDispose]();
    },
  };
}

/** The format of the tiles is in the TileJSON, so that the store is opened once to read it and once with it. */
async function openTileset(options: PreviewOptions): Promise<{ store: TileStore; tileset: TileJson }> {
  const { output, forcePathStyle = false, signal } = options;
  const open = async (extension: string): Promise<TileStore> => {
    const contentType = CONTENT_TYPES[extension] ?? '';
    return await openTileStore(
      output,
      { extension, contentType, forcePathStyle, counters: createIoCounters() },
      { signal },
    );
  };
  await using documents = await open('png');
  const tileset = await readTileJson(documents, signal);
  if (tileset === null || CONTENT_TYPES[tileset.format] === undefined) {
    const found = tileset === null ? 'no tileset there' : `tiles of the format ${tileset.format}`;
    throw new TilerError(
      'REQUEST_INVALID',
      `Previewing ${documents.label}: expected ${TILEJSON_NAME} and tiles, found ${found}`,
    );
  }
  return { store: await open(tileset.format), tileset };
}

async function readTileJson(store: TileStore, signal: AbortSignal): Promise<TileJson | null> {
  const text = await store.getDocument(TILEJSON_NAME, { signal });
  return text === null ? null : parseTileJson(text);
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new TilerError('CONFIG_INVALID', `Listening on ${host}, port ${port}: ${found}`, { cause });
  }
}

async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  store: TileStore,
  opened: TileJson,
  closing: AbortSignal,
): Promise<void> {
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  // A fixed base: the request's own host is for links only, and a path such as `//x/y` must not become one.
  const path = (request.url ?? '/').split(/[?#]/, 1)[0] ?? '/';
  const disconnected = new AbortController();
  const abort = (): void => disconnected.abort();
  response.once('close', abort);
  closing.addEventListener('abort', abort, { once: true });
  try {
    const answer = await findAnswer(path, originOf(request), store, opened, disconnected.signal);
    sendAnswer(request, response, answer);
  } catch (error) {
    if (disconnected.signal.aborted) return;
    response.writeHead(isTilerError(error) ? 502 : 500, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(isTilerError(error) ? `${error.code}: ${error.message}\n` : 'internal error\n');
  } finally {
    closing.removeEventListener('abort', abort);
  }
}

/** What lies at a path; `null` = an empty tile, `undefined` = no such path. */
async function findAnswer(
  path: string,
  origin: string,
  store: TileStore,
  opened: TileJson,
  signal: AbortSignal,
): Promise<Answer | null | undefined> {
  const maplibreType = MAPLIBRE_FILES[path];
  if (maplibreType !== undefined) {
    const file = createRequire(import.meta.url).resolve(`maplibre-gl/dist${path}`);
    return { contentType: `${maplibreType}; charset=utf-8`, body: await readFile(file, { signal }) };
  }
  if (path === '/preview.mjs') return { contentType: 'text/javascript; charset=utf-8', body: PREVIEW_SCRIPT };
  if (path === '/preview.css') return { contentType: 'text/css; charset=utf-8', body: PREVIEW_STYLE };
  if (path === '/') return { contentType: 'text/html; charset=utf-8', body: previewPage(opened.name) };
  if (path === `/${TILEJSON_NAME}`) {
    // Read again, so that a page loaded anew shows what a run has written meanwhile.
    const tileset = (await readTileJson(store, signal)) ?? opened;
    const tiles = [`${origin}/tiles/{z}/{x}/{y}.${opened.format}`];
    return { contentType: TILEJSON_CONTENT_TYPE, body: JSON.stringify({ ...tileset, tiles }) };
  }
  const match = TILE_PATH.exec(path);
  if (match === null || match[4] !== opened.format) return undefined;
  const tile = { z: Number(match[1]), x: Number(match[2]), y: Number(match[3]) };
  if (tile.x >= 2 ** tile.z || tile.y >= 2 ** tile.z) return undefined;
  const bytes = await store.get(tile, { signal });
  return bytes === null ? null : { contentType: CONTENT_TYPES[opened.format] ?? '', body: bytes };
}

/** The address as the client knows it, which is not the one listened on behind a forwarded port. */
function originOf(request: IncomingMessage): string {
  const host = request.headers.host ?? '';
  return /^[A-Za-z0-9.:[\]-]+$/.test(host) ? `http://${host}` : '';
}

function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer | null | undefined): void {
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('cache-control', 'no-cache');
  response.setHeader('x-content-type-options', 'nosniff');
  if (answer === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('nothing here\n');
    return;
  }
  if (answer === null) {
    response.writeHead(204).end();
    return;
  }
  const etag = `"${createHash('sha256').update(answer.body).digest('base64url').slice(0, 27)}"`;
  response.setHeader('etag', etag);
  if (request.headers['if-none-match']?.split(/\s*,\s*/).includes(etag) === true) {
    response.writeHead(304).end();
    return;
  }
  const isPage = answer.contentType.startsWith('text/html');
  response.writeHead(200, {
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    ...(isPage ? { 'content-security-policy': CONTENT_SECURITY_POLICY, 'referrer-policy': 'no-referrer' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}
