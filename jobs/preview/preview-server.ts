import type { IncomingMessage, ServerResponse } from 'node:http';
import { setMaxListeners } from 'node:events';
import type { Config } from '../../src/config.ts';
import { isTilerError } from '../../src/errors.ts';
import { contentSecurityPolicy, pathOf, sendAnswer, startPageServer } from '../page-server.ts';
import type { PageServer } from '../page-server.ts';
import { answerPreview } from './answer-preview.ts';
import { openPreviewSource } from './open-preview-source.ts';
import { sendArchive } from './send-archive.ts';
import type { PreviewSource } from './tileset-view.ts';

export interface PreviewOptions {
  /** What `openPreviewSource` opens. */
  readonly target: string;
  readonly config: Config;
  /** What relative paths are relative to. */
  readonly cwd: string;
  /** Default 127.0.0.1: whoever can reach the address can see the tiles. */
  readonly host?: string;
  /** Default 0: a free one is chosen. */
  readonly port?: number;
  readonly signal: AbortSignal;
}

export interface PreviewServer {
  /** Address of the page. */
  readonly url: string;
  /** Stops serving at once and closes what it reads. */
  close(): Promise<void>;
}

const PAGE_HEADERS = { 'content-security-policy': contentSecurityPolicy(), 'referrer-policy': 'no-referrer' };

const METHODS = 'GET, HEAD, OPTIONS';

/** A day; browsers take less. */
const PREFLIGHT_SECONDS = '86400';

/**
 * Serves a tileset: a page on which it can be looked at, tiles, TileJSON, a map style and WMTS capabilities that lead to
 * them, the archive by ranges, and the documents beside it; for pages of every origin. Nothing is written. An empty tile is
 * 204. `?v=ID` names a version that is kept.
 *
 * @throws TilerError `CONFIG_INVALID` if the address cannot be listened on, and those of `openPreviewSource`
 */
export async function startPreviewServer(options: PreviewOptions): Promise<PreviewServer> {
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const abort = (): void => closing.abort();
  options.signal.addEventListener('abort', abort, { once: true });
  const stop = async (source: PreviewSource): Promise<void> => {
    options.signal.removeEventListener('abort', abort);
    closing.abort();
    await source[Symbol.asyncDispose]();
  };
  const source = await openPreviewSource(options.target, { ...options, signal: closing.signal });
  let server: PageServer;
  try {
    const address = { host: options.host ?? '127.0.0.1', port: options.port ?? 0 };
    server = await startPageServer(address, (request, response) =>
      answerRequest(request, response, source, closing.signal),
    );
  } catch (error) {
    await stop(source);
    throw error;
  }
  return {
    url: server.url,
    async close() {
      closing.abort();
      await server.close();
      await stop(source);
    },
  };
}

async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  source: PreviewSource,
  closing: AbortSignal,
): Promise<void> {
  request.resume();
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('access-control-expose-headers', 'ETag, Content-Range, Content-Length, Accept-Ranges');
  if (request.method === 'OPTIONS') {
    sendPreflight(response);
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: METHODS }).end();
    return;
  }
  const disconnected = new AbortController();
  const abort = (): void => disconnected.abort();
  response.once('close', abort);
  closing.addEventListener('abort', abort, { once: true });
  try {
    await answerFound(request, response, source, disconnected.signal);
  } catch (error) {
    if (disconnected.signal.aborted) return;
    if (response.headersSent) throw error;
    response.writeHead(isTilerError(error) ? 502 : 500, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(isTilerError(error) ? `${error.code}: ${error.message}\n` : 'internal error\n');
  } finally {
    closing.removeEventListener('abort', abort);
  }
}

async function answerFound(
  request: IncomingMessage,
  response: ServerResponse,
  source: PreviewSource,
  signal: AbortSignal,
): Promise<void> {
  const versionId = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '').get('v');
  const question = { path: pathOf(request), versionId, origin: originOf(request), signal };
  const answer = await answerPreview(source, question);
  switch (answer.kind) {
    case 'body':
      sendAnswer(request, response, answer, PAGE_HEADERS);
      return;
    case 'archive':
      await sendArchive(request, response, answer.archive, { cacheControl: answer.cacheControl, signal });
      return;
    case 'empty':
    case 'nothing':
      response.setHeader('cache-control', 'no-cache');
      response.setHeader('x-content-type-options', 'nosniff');
      if (answer.kind === 'empty') response.writeHead(204).end();
      else response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('nothing here\n');
  }
}

/** What a browser asks before a page of another origin may send `Range` and the like. */
function sendPreflight(response: ServerResponse): void {
  response.writeHead(204, {
    allow: METHODS,
    'access-control-allow-methods': METHODS,
    'access-control-allow-headers': 'Range, If-Match, If-None-Match, If-Range',
    'access-control-max-age': PREFLIGHT_SECONDS,
  });
  response.end();
}

/** The address as the client knows it, which is not the one listened on behind a forwarded port. */
function originOf(request: IncomingMessage): string {
  const host = request.headers.host ?? '';
  return /^[A-Za-z0-9.:[\]-]+$/.test(host) ? `http://${host}` : '';
}
