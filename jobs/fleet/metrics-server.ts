import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TilerError } from '../../src/errors.ts';

/** Whether something is as it should be, and what is not. */
export interface Probe {
  readonly isWell: boolean;
  /** One line. */
  readonly text: string;
}

/** What is told about a worker process, or a fleet of them. */
export interface Observed {
  /** In Prometheus's text format. */
  metrics(): Promise<string>;
  /** Every process lives, and its event loop turns. */
  health(): Probe;
  /** Jobs can be taken now. */
  readiness(): Probe;
}

export interface MetricsServer extends AsyncDisposable {
  /** Where it answers, with the port that it was given. */
  readonly url: string;
}

const TEXT = 'text/plain; charset=utf-8';
const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';
/** Prometheus itself gives up after 10 s. */
const METRICS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 8 * 1024;

/**
 * Answers `/metrics`, `/healthz` and `/readyz` to GET and HEAD, with 200, or 503 and what is wrong. It tells nobody
 * anything secret, but takes no credentials either: listen where only those who may know can ask.
 *
 * @param listen - `HOST:PORT`; port 0 = any that is free
 * @throws TilerError `CONFIG_INVALID` if there is no such address here, or the port is taken
 */
export async function startMetricsServer(listen: string, observed: Observed): Promise<MetricsServer> {
  const { host, port } = parseListen(listen);
  const answer = createAnswer(observed);
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => void answer(request, response),
  );
  server.maxConnections = MAX_CONNECTIONS;
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw cannotListen(listen, cause);
  }
  // A connection that breaks is the business of who made it.
  server.on('error', () => {});
  return { url: urlOf(server), [Symbol.asyncDispose]: async () => await close(server) };
}

function parseListen(listen: string): { readonly host: string; readonly port: number } {
  const [, host = '', digits = ''] = /^\[?([^\]]+)\]?:(\d{1,5})$/.exec(listen) ?? [];
  const port = Number(digits);
  if (host !== '' && digits !== '' && port <= 65_535) return { host, port };
  throw new TilerError(
    'CONFIG_INVALID',
    `Listening at '${listen}' for metrics: expected HOST:PORT, a port up to 65535`,
  );
}

function cannotListen(listen: string, cause: unknown): TilerError {
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'the port is in use; choose another, or stop what listens there',
    EADDRNOTAVAIL: 'this machine has no such address',
    EACCES: 'this port needs more rights; choose one above 1023',
    ENOTFOUND: 'there is no such host',
    EAI_AGAIN: 'the host cannot be looked up now',
  };
  const found = reasons[code] ?? (cause instanceof Error ? cause.message : String(cause));
  return new TilerError('CONFIG_INVALID', `Listening at ${listen} for metrics: ${found}`, { cause });
}

function createAnswer(observed: Observed): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  // Who asks while metrics are gathered gets the same ones: nobody can make the processes gather them more often.
  let gathering: Promise<string> | null = null;
  const gather = async (): Promise<string> => {
    gathering ??= observed.metrics().finally(() => (gathering = null));
    return await within(METRICS_TIMEOUT_MS, gathering);
  };
  return async ({ method = '', url = '' }, response) => {
    const send = (status: number, type: string, text: string, headers: Readonly<Record<string, string>> = {}): void => {
      const body = Buffer.from(text);
      response.writeHead(status, { 'content-type': type, 'content-length': body.length, ...headers });
      response.end(method === 'HEAD' ? undefined : body);
    };
    const probe = ({ isWell, text }: Probe): void => send(isWell ? 200 : 503, TEXT, `${text}\n`);
    if (method !== 'GET' && method !== 'HEAD') {
      // What it brings is not read.
      send(405, TEXT, 'only GET and HEAD\n', { allow: 'GET, HEAD', connection: 'close' });
      return;
    }
    switch (url.split('?', 1)[0]) {
      case '/metrics':
        try {
          send(200, PROMETHEUS_TEXT, await gather());
        } catch {
          send(503, TEXT, 'the metrics could not be gathered in time\n');
        }
        return;
      case '/healthz':
        return probe(observed.health());
      case '/readyz':
        return probe(observed.readiness());
      default:
        return send(404, TEXT, 'there are /metrics, /healthz and /readyz\n');
    }
  };
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
