import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { TilerError } from '../src/errors.ts';

/** What the servers of pages (`preview`, `dashboard`) have in common: listening, closing, MapLibre's files, answers. */
export interface PageServer {
  /** Address of the page. */
  readonly url: string;
  /** Takes no more connections, gives answers under way `graceMs` (default 0) to end, then cuts every connection. */
  close(graceMs?: number): Promise<void>;
}

/** A body with its type. */
export interface Answer {
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Default `no-cache`: to be asked for again, by its ETag. */
  readonly cacheControl?: string;
}

/** A client has this long to send the head of a request, and the whole of it. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 15_000;

/** MapLibre's worker is a module that its main module loads from its own folder. Nothing else of the package is served. */
const MAPLIBRE_FILES: Readonly<Record<string, string>> = {
  '/maplibre-gl.mjs': 'text/javascript',
  '/maplibre-gl-worker.mjs': 'text/javascript',
  '/maplibre-gl.css': 'text/css',
};

/** A page allows itself what its own server sends, no inline script or style, and nothing from elsewhere. */
export function contentSecurityPolicy({ formAction = "'none'" }: { readonly formAction?: string } = {}): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self' blob:",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    `form-action ${formAction}`,
    "frame-ancestors 'none'",
  ].join('; ');
}

/**
 * Listens, and answers every request by `handle`; a connection whose handler throws is cut.
 *
 * @throws TilerError `CONFIG_INVALID` if the address cannot be listened on
 */
export async function startPageServer(
  { host, port }: { readonly host: string; readonly port: number },
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<PageServer> {
  const settings = { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS };
  const server = createServer(settings, (request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await listen(server, host, port);
  const { address, family, port: chosen } = server.address() as AddressInfo;
  return {
    url: `http://${family === 'IPv6' ? `[${address}]` : address}:${chosen}/`,
    async close(graceMs = 0) {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      if (graceMs > 0) {
        const over = new AbortController();
        const waiting = sleep(graceMs, undefined, { signal: over.signal }).catch(() => {});
        await Promise.race([closed, waiting]);
        over.abort();
      }
      server.closeAllConnections();
      await closed;
    },
  };
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

/** The path that was asked for, without its query. A path such as `//x/y` must never become a host. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split(/[?#]/, 1)[0] ?? '/';
}

/** A file of MapLibre GL JS; null if there is none of it at that path. */
export async function maplibreAnswer(path: string, signal: AbortSignal): Promise<Answer | null> {
  const type = Object.hasOwn(MAPLIBRE_FILES, path) ? MAPLIBRE_FILES[path] : undefined;
  if (type === undefined) return null;
  const file = createRequire(import.meta.url).resolve(`maplibre-gl/dist${path}`);
  return { contentType: `${type}; charset=utf-8`, body: await readFile(file, { signal }) };
}

/** True if a list of ETags in a header names one, weakly compared; `*` names all. */
export function hasEtag(header: string | undefined, etag: string): boolean {
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag.replace(/^W\//, ''));
}

/** Sends an answer with an ETag, or 304 to whoever has it; without its body to HEAD. A page is sent with its policy. */
export function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { contentType, body, cacheControl = 'no-cache' }: Answer,
  pageHeaders: Readonly<Record<string, string>>,
): void {
  response.setHeader('cache-control', cacheControl);
  response.setHeader('x-content-type-options', 'nosniff');
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  response.setHeader('etag', etag);
  if (hasEtag(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end();
    return;
  }
  response.writeHead(200, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    ...(contentType.startsWith('text/html') ? pageHeaders : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
