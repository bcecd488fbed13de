import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TilerError } from '../../src/errors.ts';
import type { Config } from '../../src/config.ts';
import { runWithin } from '../../src/retry.ts';
import { contentSecurityPolicy, maplibreAnswer, pathOf, sendAnswer, startPageServer } from '../page-server.ts';
import type { PageServer } from '../page-server.ts';
import { createRunMetrics } from '../run-metrics.ts';
import type { RunMetrics } from '../run-metrics.ts';
import type { Runs } from '../runs.ts';
import { createAccess, findForgery, isLoopback, LOG_OUT_COOKIE } from './access.ts';
import type { Access } from './access.ts';
import { getFromApi, parseRunPath, postToApi } from './api.ts';
import type { ApiSources } from './api.ts';
import type { BullBoard } from './bull-board.ts';
import { openEventStream } from './event-stream.ts';
import { createRunFeed } from './feed.ts';
import type { RunFeed } from './feed.ts';
import { findPageFile, loginPage } from './page.ts';
import { readBody, sendError, sendJson, sendText } from './respond.ts';
import { createRunOutputs } from './run-outputs.ts';
import { createRunReader } from './run-reader.ts';

export interface DashboardOptions {
  readonly runs: Runs;
  readonly config: Config;
  /** Default 127.0.0.1. Beyond loopback the configuration must hold a token. */
  readonly host?: string;
  /** Default 0: a free one is chosen. */
  readonly port?: number;
  /** Answers what lies under `/queues`, for those who may. */
  readonly bullBoard?: BullBoard | undefined;
}

interface Dashboard extends ApiSources {
  readonly access: Access;
  readonly feed: RunFeed;
  readonly metrics: RunMetrics;
  readonly bullBoard: DashboardOptions['bullBoard'];
  readonly closing: AbortSignal;
}

const CLOSE_GRACE_MS = 3_000;
const TILE_TIMEOUT_MS = 10_000;
const READY_TIMEOUT_MS = 2_000;
const TILE_PATH = /^tiles\/([0-9]{1,2})\/([0-9]{1,9})\/([0-9]{1,9})\.([a-z0-9]+)$/;

/** The referrer policy is not `no-referrer`, with which a browser would not say where a form comes from. */
const PAGE_HEADERS = {
  'content-security-policy': contentSecurityPolicy({ formAction: "'self'" }),
  'referrer-policy': 'same-origin',
};

/**
 * Serves the live page of runs, its JSON API (see `getFromApi`, `postToApi`), `/metrics` for Prometheus, `/healthz` and
 * `/readyz`. The rules of access are those of `createAccess`; the two probes, which say nothing, need no token.
 *
 * @throws TilerError `CONFIG_INVALID` if it would listen beyond this machine without a token, or cannot listen
 */
export async function startDashboard(options: DashboardOptions): Promise<PageServer> {
  const { runs, config, host = '127.0.0.1', port = 0 } = options;
  if (!isLoopback(host) && config.dashboardToken === null) {
    throw new TilerError(
      'CONFIG_INVALID',
      `Listening on ${host}: found no TILEWRIGHT_DASHBOARD_TOKEN, expected one wherever others can reach the dashboard`,
    );
  }
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);
  const reader = createRunReader(runs, { signal: closing.signal });
  const outputs = createRunOutputs(runs, config, closing.signal);
  const dashboard: Dashboard = {
    runs,
    reader,
    outputs,
    access: createAccess(config.dashboardToken),
    feed: createRunFeed(reader),
    metrics: createRunMetrics(reader),
    bullBoard: options.bullBoard,
    closing: closing.signal,
  };
  const server = await startPageServer({ host, port }, async (request, response) => {
    await answer(dashboard, request, response);
  });
  return {
    url: server.url,
    async close() {
      dashboard.feed.close();
      closing.abort();
      await server.close(CLOSE_GRACE_MS);
      await outputs[Symbol.asyncDispose]();
    },
  };
}

async function answer(dashboard: Dashboard, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cross-origin-resource-policy', 'same-origin');
  response.setHeader('cache-control', 'no-store');
  try {
    if (path === '/healthz') sendText(response, 200, 'ok');
    else if (path === '/readyz') await answerReady(dashboard, response);
    else if (path === '/login') await answerLogin(dashboard, request, response);
    else await answerAllowed(dashboard, request, response, path);
  } catch (error) {
    if (response.headersSent || response.destroyed) throw error;
    if (dashboard.closing.aborted) sendText(response, 503, 'closing');
    else sendError(request, response, error);
  }
}

async function answerReady({ reader }: Dashboard, response: ServerResponse): Promise<void> {
  const isReady = await Promise.race([
    reader.list().then(
      () => true,
      () => false,
    ),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), READY_TIMEOUT_MS).unref()),
  ]);
  sendText(response, isReady ? 200 : 503, isReady ? 'ready' : 'the runs cannot be read');
}

/** The form, and what it sends. Its own file of styles is all that is given away before. */
async function answerLogin(dashboard: Dashboard, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { access } = dashboard;
  const page = (status: number, problem: string): void => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', ...PAGE_HEADERS });
    response.end(loginPage(problem));
  };
  if (request.method !== 'POST') {
    request.resume();
    page(200, '');
    return;
  }
  const body = await readBody(request);
  const forgery = findForgery(request, 'application/x-www-form-urlencoded');
  if (forgery !== null || body === null) {
    page(forgery?.status ?? 413, forgery?.message ?? 'too long');
    return;
  }
  const result = await access.logIn(request, new URLSearchParams(body).get('token') ?? '');
  if (typeof result === 'string') response.writeHead(303, { location: '/', 'set-cookie': result }).end();
  else page(result.status, result.message);
}

async function answerAllowed(
  dashboard: Dashboard,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const isForLogin = path === '/dashboard.css';
  const refusal = isForLogin && dashboard.access.needsToken ? null : await dashboard.access.check(request);
  if (refusal !== null) {
    request.resume();
    const isPage = path === '/' && refusal.status === 401 && request.headers.authorization === undefined;
    if (isPage) response.writeHead(303, { location: '/login' }).end();
    else sendJson(response, refusal.status, { message: refusal.message });
    return;
  }
  if (dashboard.bullBoard !== undefined && (path === '/queues' || path.startsWith('/queues/'))) {
    dashboard.bullBoard(request, response);
    return;
  }
  if (request.method === 'POST') {
    await answerPost(dashboard, request, response, path);
    return;
  }
  request.resume();
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD, POST' }).end();
    return;
  }
  await answerGet(dashboard, request, response, path);
}

async function answerPost(
  dashboard: Dashboard,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const body = await readBody(request);
  const forgery = findForgery(request, 'application/json');
  if (forgery !== null || body === null) {
    sendJson(response, forgery?.status ?? 413, { message: forgery?.message ?? 'the body is too long' });
    return;
  }
  if (path === '/api/logout') {
    response.setHeader('set-cookie', LOG_OUT_COOKIE);
    sendJson(response, 200, {});
    return;
  }
  const result = await postToApi(dashboard, path);
  if (result === undefined) sendText(response, 404, 'nothing here');
  else sendJson(response, 200, result);
}

async function answerGet(
  dashboard: Dashboard,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  if (path === '/api/events') {
    openEventStream(response, dashboard.feed, dashboard.closing);
    return;
  }
  if (path === '/metrics') {
    response.writeHead(200, { 'content-type': dashboard.metrics.contentType });
    response.end(await dashboard.metrics.text());
    return;
  }
  const file = findPageFile(path, dashboard) ?? (await maplibreAnswer(path, dashboard.closing));
  if (file !== null) {
    sendAnswer(request, response, file, PAGE_HEADERS);
    return;
  }
  const asked = parseRunPath(path);
  if (asked?.rest.startsWith('tiles/') === true) {
    await answerTile(dashboard, request, response, asked);
    return;
  }
  const query = new URLSearchParams((request.url ?? '').split('?', 2)[1] ?? '');
  const result = path.startsWith('/api/') ? await getFromApi(dashboard, path, query) : undefined;
  if (result === undefined) sendText(response, 404, 'nothing here');
  else sendJson(response, 200, result);
}

/** A finished tile; 204 for one that is empty or not there yet. */
async function answerTile(
  { outputs, closing }: Dashboard,
  request: IncomingMessage,
  response: ServerResponse,
  { run, rest }: { readonly run: string; readonly rest: string },
): Promise<void> {
  const [, z, x, y, extension] = TILE_PATH.exec(rest) ?? [];
  const tile = { z: Number(z), x: Number(x), y: Number(y) };
  const isTile = z !== undefined && tile.x < 2 ** tile.z && tile.y < 2 ** tile.z;
  const output = isTile ? await outputs.get(run) : null;
  if (output === null || output.extension !== extension) {
    sendText(response, 404, 'nothing here');
    return;
  }
  const body = await runWithin({ signal: closing, timeoutMs: TILE_TIMEOUT_MS }, (signal) => output.tile(tile, signal));
  if (body === null) response.writeHead(204).end();
  else sendAnswer(request, response, { contentType: output.contentType, body }, {});
}
