import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import pLimit from 'p-limit';
import type { Dispatcher } from 'undici';
import { request } from '../cog/undici-parts.ts';
import { isTilerError, TilerError } from '../errors.ts';
import type { HostGate } from '../host-gate.ts';
import type { Logger } from '../observe.ts';
import { parseRetryAfter, runWithin, TimeoutReached, withRetries } from '../retry.ts';
import type { RetryNotice, RetryOptions, Wait } from '../retry.ts';
import { addressLabel, fromStacNetworkError, fromStacStatus } from './stac-errors.ts';

export type { Wait } from '../retry.ts';

const gunzipAsync = promisify(gunzip);

/** One request to a STAC API; a body makes it a POST. */
export interface StacRequest {
  readonly url: URL;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TransportLimits extends RetryOptions {
  /** One attempt, from the first byte sent to the last byte read. */
  readonly timeoutMs: number;
  /** Of one answer, unpacked. */
  readonly maxResponseBytes: number;
  /** Requests under way at once to this API. */
  readonly concurrency: number;
}

/** Thirty seconds and four attempts outlast a fail-over; 64 MiB is some 2,000 of the largest items in use. */
export const DEFAULT_TRANSPORT_LIMITS: TransportLimits = {
  timeoutMs: 30_000,
  maxResponseBytes: 64 * 1024 * 1024,
  attempts: 4,
  baseMs: 250,
  maxMs: 30_000,
  concurrency: 4,
};

export interface TransportOptions {
  readonly dispatcher: Dispatcher;
  readonly limits: TransportLimits;
  readonly logger: Logger;
  readonly wait: Wait;
  /** Holds requests back once the API asks for less of them; null = none is held back. */
  readonly gate: HostGate | null;
}

/** Asks for one JSON document. `onRequest` is called once for every attempt that goes out. */
export type StacTransport = (
  stacRequest: StacRequest,
  where: string,
  options: { readonly signal: AbortSignal; readonly onRequest?: () => void },
) => Promise<unknown>;

/**
 * Creates the function that asks a STAC API for a JSON document: bounded in size, in time and in number at once, and
 * tried again with exponential back-off and jitter where `Retry` says that this can help. `Retry-After` replaces the
 * back-off. A 4xx answer is never tried again, except 408 and 429.
 *
 * @throws TilerError `STAC_UNAVAILABLE`, `STAC_THROTTLED`, `STAC_FORBIDDEN`, `STAC_RESPONSE_INVALID` (also: no JSON, too
 * large); the signal's own reason when it is aborted
 */
export function createStacTransport({ dispatcher, limits, logger, wait, gate }: TransportOptions): StacTransport {
  const limit = pLimit(limits.concurrency);
  return async (stacRequest, where, { signal, onRequest }) => {
    const send = async (): Promise<unknown> => {
      onRequest?.();
      return await exchange(stacRequest, where, dispatcher, limits, signal);
    };
    const host = stacRequest.url.origin;
    const refuse = (found: string, retryAfterMs: number): TilerError =>
      new TilerError('STAC_THROTTLED', `Reading ${where}: ${found}.`, { retryAfterMs });
    const attempt = (): Promise<unknown> =>
      gate === null ? send() : gate.pass(host, send, { signal, maxWaitMs: limits.maxMs, refuse });
    const onRetry = ({ error, ...notice }: RetryNotice): void =>
      logger.warn({ code: error.code, ...notice }, `${error.message} Trying again.`);
    // The slot is kept while waiting: an API that is overloaded gets no other request in its place.
    return await limit(async () => await withRetries(attempt, limits, { signal, onRetry, wait }));
  };
}

async function exchange(
  stacRequest: StacRequest,
  where: string,
  dispatcher: Dispatcher,
  limits: TransportLimits,
  signal: AbortSignal,
): Promise<unknown> {
  const { timeoutMs, maxResponseBytes } = limits;
  try {
    return await runWithin({ signal, timeoutMs }, async (inner) => {
      const answer = await send(stacRequest, dispatcher, inner);
      const text = await readText(answer, where, maxResponseBytes);
      if (answer.statusCode !== 200) throw refusal(answer, where, text, stacRequest.url);
      return parseJson(text, where);
    });
  } catch (error) {
    signal.throwIfAborted();
    if (isTilerError(error)) throw error;
    if (error instanceof TimeoutReached) {
      const message = `Reading ${where}: no whole answer within ${timeoutMs} ms.`;
      throw new TilerError('STAC_UNAVAILABLE', message, { cause: error });
    }
    throw fromStacNetworkError(error, where);
  }
}

async function send(
  { url, body, headers }: StacRequest,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<Dispatcher.ResponseData> {
  return await request(url, {
    dispatcher,
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      accept: 'application/geo+json, application/json',
      'accept-encoding': 'gzip',
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal,
  });
}

function refusal(answer: Dispatcher.ResponseData, where: string, text: string, url: URL): TilerError {
  const location = headerOf(answer, 'location');
  if (
    answer.statusCode >= 300 &&
    answer.statusCode < 400 &&
    location !== undefined &&
    URL.canParse(location, url.href)
  ) {
    // Not followed: a redirected POST may arrive as a GET, and the headers would go to whoever is named there.
    const target = addressLabel(new URL(location, url));
    return new TilerError(
      'STAC_RESPONSE_INVALID',
      `Reading ${where}: the server answered ${answer.statusCode} and points to ${target}; give that address as mosaic.url.`,
      { context: { status: answer.statusCode } },
    );
  }
  return fromStacStatus(answer.statusCode, where, text, parseRetryAfter(headerOf(answer, 'retry-after'), Date.now()));
}

async function readText(answer: Dispatcher.ResponseData, where: string, maxBytes: number): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer.body as AsyncIterable<Buffer>) {
    size += part.length;
    // Leaving the loop destroys the stream, so the rest is not read.
    if (size > maxBytes) throw tooLarge(where, maxBytes);
    parts.push(part);
  }
  const bytes = Buffer.concat(parts);
  if (headerOf(answer, 'content-encoding')?.toLowerCase() !== 'gzip') return bytes.toString('utf8');
  try {
    return (await gunzipAsync(bytes, { maxOutputLength: maxBytes })).toString('utf8');
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge(where, maxBytes, error);
    throw fromStacNetworkError(error, where);
  }
}

function tooLarge(where: string, maxBytes: number, cause?: unknown): TilerError {
  return new TilerError(
    'STAC_RESPONSE_INVALID',
    `Reading ${where}: the answer is larger than ${maxBytes} bytes. Ask for fewer items a page (mosaic.limit).`,
    cause === undefined ? {} : { cause },
  );
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new TilerError(
      'STAC_RESPONSE_INVALID',
      `Reading ${where}: expected JSON, found text that begins with ${JSON.stringify(text.slice(0, 80))}.`,
      { cause: error },
    );
  }
}

function headerOf(answer: Dispatcher.ResponseData, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
