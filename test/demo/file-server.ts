import { open, readdir, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

/** A web server on loopback over the files of one folder, as an object store with public objects is. */
export interface FileServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  /** What was asked for so far. Both only grow. */
  readonly served: { readonly requests: number; readonly bytes: number };
}

/** Serves the files that lie in a folder now, with single ranges and ETags (RFC 9110), on a free port. */
export async function startFileServer(folder: string): Promise<FileServer> {
  const names = new Set(await readdir(folder));
  const served = { requests: 0, bytes: 0 };
  const server = createServer((request, response) => {
    served.requests += 1;
    const name = decodeURIComponent((request.url ?? '/').slice(1));
    const answering = names.has(name) ? answer(join(folder, name), request, response, served) : notFound(response);
    answering.catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function notFound(response: ServerResponse): Promise<void> {
  response.writeHead(404).end();
}

async function answer(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  served: { bytes: number },
): Promise<void> {
  const { size, mtimeMs } = await stat(path);
  const headers = { etag: `"${size}-${mtimeMs}"`, 'accept-ranges': 'bytes', 'content-type': 'image/tiff' };
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const first = range === null ? 0 : Number(range[1]);
  const last = range === null || range[2] === '' ? size - 1 : Math.min(Number(range[2]), size - 1);
  if (first > last) {
    response.writeHead(416, { ...headers, 'content-range': `bytes */${size}` }).end();
    return;
  }
  const body = Buffer.alloc(last - first + 1);
  await using file = await open(path);
  await file.read(body, 0, body.length, first);
  const partial = range === null ? {} : { 'content-range': `bytes ${first}-${last}/${size}` };
  response.writeHead(range === null ? 200 : 206, { ...headers, ...partial, 'content-length': body.length }).end(body);
  served.bytes += body.length;
}
