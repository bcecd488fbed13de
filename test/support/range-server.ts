import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a request said that a range source sends. */
interface SeenRequest {
  readonly path: string;
  readonly range: string | null;
  readonly ifMatch: string | null;
}

/** Answers one request in another way than the server would. */
export type OddAnswer = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server on loopback that answers range requests as object stores do. */
export interface RangeServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  /** Connections accepted so far. */
  readonly connections: number;
  /** Puts a file at a path that begins with a slash; null removes it. */
  put(path: string, bytes: Uint8Array | null): void;
  /** The next requests are answered so, one each. */
  answerNext(...answers: readonly OddAnswer[]): void;
  /** Cuts all connections, so that the next request makes a new one. */
  closeConnections(): void;
}

/** Starts a range server on a free loopback port. */
export async function startRangeServer(): Promise<RangeServer> {
  const files = new Map<string, Uint8Array>();
  const seen: SeenRequest[] = [];
  const odd: OddAnswer[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://server').pathname;
    const { range, 'if-match': ifMatch } = request.headers;
    seen.push({ path, range: range ?? null, ifMatch: ifMatch ?? null });
    const answer = odd.shift();
    if (answer === undefined) answerRange(request, response, files.get(path) ?? null);
    else answer(request, response);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    seen,
    get connections() {
      return connections;
    },
    put(path, bytes) {
      if (bytes === null) files.delete(path);
      else files.set(path, bytes);
    },
    answerNext(...answers) {
      odd.push(...answers);
    },
    closeConnections() {
      server.closeAllConnections();
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Answers as RFC 9110 section 14 says, for a single range. */
export function answerRange(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array | null): void {
  if (bytes === null) return void response.writeHead(404).end();
  const etag = `"${createHash('sha1').update(bytes).digest('hex')}"`;
  const headers = { etag, 'accept-ranges': 'bytes' };
  const { range, 'if-match': ifMatch } = request.headers;
  if (ifMatch !== undefined && ifMatch !== etag) return void response.writeHead(412, headers).end();
  const found = /^bytes=(\d+)-(\d+)$/u.exec(range ?? '');
  if (found === null) return void response.writeHead(200, { ...headers, 'content-length': bytes.length }).end(bytes);
  const first = Number(found[1]);
  const last = Math.min(Number(found[2]), bytes.length - 1);
  if (first >= bytes.length) {
    return void response.writeHead(416, { ...headers, 'content-range': `bytes */${bytes.length}` }).end();
  }
  const body = bytes.subarray(first, last + 1);
  const content = { 'content-range': `bytes ${first}-${last}/${bytes.length}`, 'content-length': body.length };
  response.writeHead(206, { ...headers, ...content }).end(body);
}
