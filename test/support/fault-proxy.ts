import { createServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * What a request gets instead of the server's answer: a status; a connection that is reset before anything is passed on;
 * or one that is reset when the server has done what it was asked, so that nobody is told (`lost-answer`).
 */
export type ProxyFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  | { readonly kind: 'reset' }
  | { readonly kind: 'lost-answer' };

/** A request that the server has done, with the status that the client got; null = the answer was lost on the way. */
interface PassedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number | null;
  /** Of the bodies, as their headers say. */
  readonly sentBytes: number;
  readonly gotBytes: number;
  /** True where the server was to copy part of another object. */
  readonly isCopy: boolean;
}

/** An HTTP server on loopback that passes everything on to a real one, and fails as it is told to. */
export interface FaultProxy extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  /** Requests that reached the server, oldest first. */
  readonly passed: readonly PassedRequest[];
  /** Faults dealt so far. */
  readonly faults: number;
  /**
   * From now on requests get these faults in turn; `null` among them = this one is passed on. None = all are well again,
   * as they are after `most` faults.
   */
  disturb(faults: readonly (ProxyFault | null)[], most?: number): void;
  /**
   * Holds the next request that matches before it is passed on.
   *
   * @returns resolves when it is there, with what lets it go on
   */
  hold(matches: (request: { readonly method: string; readonly path: string }) => boolean): Promise<() => void>;
}

interface Waiting {
  readonly matches: (request: { readonly method: string; readonly path: string }) => boolean;
  readonly arrived: (release: () => void) => void;
}

/** As S3 says that it is asked too much. */
export const SLOW_DOWN: ProxyFault = {
  kind: 'status',
  status: 503,
  headers: { 'content-type': 'application/xml' },
  body: '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>',
};

/** Starts a proxy before a server at `http://HOST:PORT`. The client's `host` header stays, as signatures cover it. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const passed: PassedRequest[] = [];
  let cycle: readonly (ProxyFault | null)[] = [];
  let dealt = 0;
  let lastFault = Number.POSITIVE_INFINITY;
  let asked = 0;
  let waiting: Waiting[] = [];

  const server = createServer((request, response) => {
    const { method = 'GET', url: path = '/' } = request;
    const fault = dealt < lastFault ? (cycle[asked++ % Math.max(1, cycle.length)] ?? null) : null;
    if (fault !== null) dealt++;
    if (fault !== null && fault.kind !== 'lost-answer') {
      answerFault(fault, request, response);
      return;
    }
    const goOn = (): void =>
      passOn(target, request, response, fault !== null, (status, gotBytes) => {
        const { headers } = request;
        const sentBytes = Number(headers['content-length'] ?? 0);
        passed.push({ method, path, status, sentBytes, gotBytes, isCopy: 'x-amz-copy-source' in headers });
      });
    const holder = waiting.find(({ matches }) => matches({ method, path }));
    waiting = waiting.filter((other) => other !== holder);
    if (holder === undefined) goOn();
    else holder.arrived(goOn);
  });
  // Longer than anything that is tested: no connection is cut that is not meant to be.
  server.keepAliveTimeout = 120_000;
  await listen(server);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    get faults() {
      return dealt;
    },
    disturb(faults, most = Number.POSITIVE_INFINITY) {
      cycle = faults;
      lastFault = dealt + most;
      asked = 0;
    },
    hold: (matches) => new Promise((arrived) => waiting.push({ matches, arrived })),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answerFault(fault: ProxyFault, request: IncomingMessage, response: ServerResponse): void {
  if (fault.kind !== 'status') {
    request.socket.destroy();
    return;
  }
  // Read to its end, or the client may see a reset while it still writes.
  request.once('end', () => response.writeHead(fault.status, fault.headers ?? {}).end(fault.body ?? ''));
  request.resume();
}

function passOn(
  target: string,
  request: IncomingMessage,
  response: ServerResponse,
  losesAnswer: boolean,
  onAnswer: (status: number | null, bytes: number) => void,
): void {
  // It was held, and its client is gone meanwhile.
  if (request.destroyed) return;
  const { method, url, headers } = request;
  const { hostname, port } = new URL(target);
  const outgoing = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
    const { statusCode = 502 } = answer;
    onAnswer(losesAnswer ? null : statusCode, method === 'HEAD' ? 0 : Number(answer.headers['content-length'] ?? 0));
    if (losesAnswer) {
      answer.resume();
      request.socket.destroy();
    } else {
      response.writeHead(statusCode, answer.rawHeaders);
      answer.pipe(response);
    }
  });
  outgoing.once('error', () => request.socket.destroy());
  // A client that is gone is not waited for: what it had not sent, the server never gets.
  response.once('close', () => {
    if (!response.writableFinished) outgoing.destroy();
  });
  request.pipe(outgoing);
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
}
