import type { IncomingMessage, ServerResponse } from 'node:http';
import { isTilerError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { TimeoutReached } from '../../src/retry.ts';

const MAX_BODY_BYTES = 4_096;

const STATUS_BY_CODE: Partial<Record<ErrorCode, number>> = {
  RUN_UNKNOWN: 404,
  REQUEST_INVALID: 400,
  QUEUE_UNAVAILABLE: 503,
};

/** A line of text. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

/** A JSON document. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** `{ code, message }` of an error that was thrown on purpose; of any other, nothing but that it happened. */
export function sendError(request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (isTilerError(error)) {
    // What a POST asks for is well-formed; it is the state of the run that forbids it.
    const isConflict = error.code === 'REQUEST_INVALID' && request.method === 'POST';
    sendJson(response, isConflict ? 409 : (STATUS_BY_CODE[error.code] ?? 502), {
      code: error.code,
      message: error.message,
    });
  } else if (error instanceof TimeoutReached) {
    sendJson(response, 504, { message: error.message });
  } else {
    sendJson(response, 500, { code: 'INTERNAL', message: 'internal error' });
  }
}

/** The body of a request as text; null if it is longer than any that is expected. */
export async function readBody(request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // The rest is read and dropped, so that the answer arrives; a time-out ends a body that does not.
    if (size <= maxBytes) chunks.push(chunk);
  }
  return size > maxBytes ? null : Buffer.concat(chunks).toString('utf8');
}
