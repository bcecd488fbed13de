import type { IncomingMessage, ServerResponse } from 'node:http';
import { isTilerError, TilerError } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import { openTileStore } from '../../src/store/open-store.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import { parseTileJson, TILEJSON_CONTENT_TYPE, TILEJSON_NAME } from '../../src/store/tilejson.ts';
import type { TileJson } from '../../src/store/tilejson.ts';
import { contentSecurityPolicy, maplibreAnswer, pathOf, sendAnswer, startPageServer } from '../page-server.ts';
import type { Answer, PageServer } from '../page-server.ts';
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

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  webp: 'image/webp',
  avif: 'image/avif',
};

const TILE_PATH = /^\/tiles\/([0-9]{1,2})\/([0-9]{1,9})\/([0-9]{1,9})\.([a-z0-9]+)$/;

const PAGE_HEADERS = { 'content-security-policy': contentSecurityPolicy(), 'referrer-policy': 'no-referrer' };

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
  let server: PageServer;
  try {
    const address = { host: options.host ?? '127.0.0.1', port: options.port ?? 0 };
    server = await startPageServer(address, (request, response) =>
      answerRequest(request, response, store, tileset, closing.signal),
    );
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  return {
    url: server.url,
    async close() {
      closing.abort();
      await server.close();
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
  const path = pathOf(request);
  const disconnected = new AbortController();
  const abort = (): void => disconnected.abort();
  response.once('close', abort);
  closing.addEventListener('abort', abort, { once: true });
  try {
    const answer = await findAnswer(path, originOf(request), store, opened, disconnected.signal);
    sendFound(request, response, answer);
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
  const library = await maplibreAnswer(path, signal);
  if (library !== null) return library;
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

function sendFound(request: IncomingMessage, response: ServerResponse, answer: Answer | null | undefined): void {
  response.setHeader('access-control-allow-origin', '*');
  if (answer !== undefined && answer !== null) {
    sendAnswer(request, response, answer, PAGE_HEADERS);
    return;
  }
  response.setHeader('cache-control', 'no-cache');
  response.setHeader('x-content-type-options', 'nosniff');
  if (answer === null) response.writeHead(204).end();
  else response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('nothing here\n');
}
