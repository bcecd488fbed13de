import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TilerError } from '../../src/errors.ts';
import { hasEtag } from '../page-server.ts';
import { parseByteRange } from './byte-range.ts';
import type { ServedArchive } from './tileset-view.ts';

const CONTENT_TYPE = 'application/vnd.pmtiles';

/** Read at a time, and held in memory for each client. */
const CHUNK_BYTES = 1024 * 1024;

/** A client that takes nothing for so long is left. */
const STALL_MS = 60_000;

/**
 * Sends an archive or a range of it, as RFC 9110 says: `If-Match`, `If-None-Match`, `If-Range`, one range, HEAD. It is read
 * as it is sent.
 */
export async function sendArchive(
  request: IncomingMessage,
  response: ServerResponse,
  archive: ServedArchive,
  { cacheControl, signal }: { readonly cacheControl: string; readonly signal: AbortSignal },
): Promise<void> {
  const { etag, sizeBytes } = archive;
  const { headers } = request;
  response.setHeader('accept-ranges', 'bytes');
  response.setHeader('cache-control', cacheControl);
  response.setHeader('etag', etag);
  response.setHeader('x-content-type-options', 'nosniff');
  if (!isExpected(headers['if-match'], etag)) {
    response.writeHead(412).end();
    return;
  }
  if (hasEtag(headers['if-none-match'], etag)) {
    response.writeHead(304).end();
    return;
  }
  // A date says nothing here: there is no Last-Modified.
  const isAsked = request.method === 'GET' && isExpected(ifRangeOf(request), etag);
  const range = parseByteRange(isAsked ? headers.range : undefined, sizeBytes);
  if (range.kind === 'none') {
    response.writeHead(416, { 'content-range': `bytes */${sizeBytes}` }).end();
    return;
  }
  const { offset, length } = range.kind === 'part' ? range : { offset: 0, length: sizeBytes };
  const head = { 'content-type': CONTENT_TYPE, 'content-length': length };
  if (request.method === 'HEAD') {
    response.writeHead(200, head).end();
    return;
  }
  const chunks = chunksOf(archive, { offset, length }, signal);
  // What cannot be read at all is answered with an error, while there is none sent yet.
  const first = await chunks.next();
  if (range.kind === 'whole') response.writeHead(200, head);
  else response.writeHead(206, { ...head, 'content-range': `bytes ${offset}-${offset + length - 1}/${sizeBytes}` });
  response.setTimeout(STALL_MS, () => response.destroy());
  const body = async function* (): AsyncGenerator<Uint8Array> {
    if (first.done !== true) yield first.value;
    yield* chunks;
  };
  await pipeline(Readable.from(body(), { objectMode: true, highWaterMark: 1 }), response, { signal });
}

/** What `If-Match` and `If-Range` ask, strongly compared; true without them. */
function isExpected(header: string | undefined, etag: string): boolean {
  const tags = header?.split(',').map((tag) => tag.trim());
  return tags === undefined || tags.includes('*') || tags.includes(etag);
}

function ifRangeOf({ headers }: IncomingMessage): string | undefined {
  const header = headers['if-range'];
  return typeof header === 'object' ? header[0] : header;
}

async function* chunksOf(
  archive: ServedArchive,
  { offset, length }: { readonly offset: number; readonly length: number },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const end = offset + length;
  for (let at = offset; at < end;) {
    const wanted = Math.min(CHUNK_BYTES, end - at);
    const bytes = await archive.read(at, wanted, { signal });
    if (bytes.length !== wanted) {
      throw new TilerError('ARCHIVE_INVALID', `Reading ${wanted} bytes at ${at}: got ${bytes.length}; it was cut off`);
    }
    yield bytes;
    at += wanted;
  }
}
