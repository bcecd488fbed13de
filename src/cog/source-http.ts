import type { Dispatcher } from 'undici';
import { runWithin } from '../retry.ts';
import type { RangeSource } from './range-source.ts';
import { fromHttpStatus, fromTransportError, rangeError, type RangeAttempt } from './source-errors.ts';
import { request } from './undici-parts.ts';

/** A file this small is taken whole from a server that ignores ranges. */
const WHOLE_FILE_MAX_BYTES = 1024 * 1024;

/** Enough for a catalog's redirect to a data host and from there to a signed URL. */
const MAX_REDIRECTS = 5;

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface HttpSourceOptions {
  readonly url: URL;
  readonly label: string;
  /** Checks every hop's addresses; see `createHttpAgent`. */
  readonly agent: Dispatcher;
  /** Called for the URL of every redirect; throws if it may not be read. */
  readonly checkUrl: (url: URL) => void;
  /** For one read: all hops and the whole body. */
  readonly timeoutMs: number;
}

/** What the first answer said of the file; an empty part was not said. */
interface Version {
  readonly etag: string;
  readonly lastModified: string;
  readonly size: string;
}

type Answer = Awaited<ReturnType<typeof request>>;

/**
 * A range source over HTTP: one `GET` with `Range` a read, over connections that are kept alive. A strong ETag is sent
 * as `If-Match`; besides, ETag, Last-Modified and size of every answer are compared with those of the first. Nothing is
 * held open between reads.
 */
export function createHttpSource(options: HttpSourceOptions): RangeSource {
  let version: Version | null = null;

  const fetchRange = async (attempt: RangeAttempt, signal: AbortSignal): Promise<Uint8Array> => {
    const answer = await follow(options, attempt, version, signal);
    const range = parseContentRange(headerOf(answer, 'content-range'));
    if (answer.statusCode === 416) {
      await discard(answer);
      if (range.size !== '' && attempt.offset >= Number(range.size)) return new Uint8Array(0);
      throw rangeError(
        'SOURCE_UNAVAILABLE',
        attempt,
        `the server answered 416 for a file of ${range.size || 'unknown'} bytes`,
      );
    }
    if (answer.statusCode !== 200 && answer.statusCode !== 206) {
      await discard(answer);
      throw fromHttpStatus(answer.statusCode, headerOf(answer, 'retry-after'), attempt);
    }
    try {
      const isWhole = answer.statusCode === 200;
      const found = versionOf(answer, isWhole ? (headerOf(answer, 'content-length') ?? '') : range.size);
      version = merge(version, found, attempt);
      refuseEncoding(answer, attempt);
      return isWhole ? await wholeFile(answer, attempt) : await partOf(answer, range, attempt);
    } finally {
      // A body that is given up before its end says so by an error event, which would end the process if unheard.
      answer.body.on('error', () => {}).destroy();
    }
  };

  return {
    label: options.label,
    async read(offset, length, { signal }) {
      const attempt: RangeAttempt = { label: options.label, offset, length };
      try {
        return await runWithin({ signal, timeoutMs: options.timeoutMs }, (inner) => fetchRange(attempt, inner));
      } catch (error) {
        signal.throwIfAborted();
        throw fromTransportError(error, attempt);
      }
    },
    version: () => (version === null ? null : nameOf(version)),
    async [Symbol.asyncDispose]() {},
  };
}

async function follow(
  options: HttpSourceOptions,
  attempt: RangeAttempt,
  version: Version | null,
  signal: AbortSignal,
): Promise<Answer> {
  const isStrong = version !== null && version.etag.startsWith('"');
  const headers = {
    range: `bytes=${attempt.offset}-${attempt.offset + attempt.length - 1}`,
    'accept-encoding': 'identity',
    ...(isStrong ? { 'if-match': version.etag } : {}),
  };
  let url = options.url;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const answer = await request(url, { method: 'GET', headers, dispatcher: options.agent, signal });
    if (!REDIRECTS.has(answer.statusCode)) return answer;
    await discard(answer);
    const location = headerOf(answer, 'location');
    if (location === undefined || !URL.canParse(location, url.href)) {
      throw rangeError(
        'SOURCE_UNAVAILABLE',
        attempt,
        `the server answered ${answer.statusCode} without a usable Location`,
      );
    }
    url = new URL(location, url);
    options.checkUrl(url);
  }
  throw rangeError('ASSET_UNSUPPORTED', attempt, `more than ${MAX_REDIRECTS} redirects, one behind the other`);
}

/** Reads a body that must be exactly what Content-Range says, which must be what was asked for or end with the file. */
async function partOf(answer: Answer, range: ContentRange, attempt: RangeAttempt): Promise<Uint8Array> {
  const end = attempt.offset + attempt.length - 1;
  const endsWithFile = range.size === '' || range.last === Number(range.size) - 1;
  if (range.first !== attempt.offset || range.last > end || (range.last < end && !endsWithFile)) {
    throw rangeError(
      'SOURCE_UNAVAILABLE',
      attempt,
      `the server sent bytes ${range.first} to ${range.last} of ${range.size || '*'}`,
    );
  }
  const expected = range.last - range.first + 1;
  const bytes = await collect(answer, expected, attempt);
  if (bytes.length === expected) return bytes;
  throw rangeError('SOURCE_UNAVAILABLE', attempt, `the body ended after ${bytes.length} of ${expected} bytes`);
}

async function wholeFile(answer: Answer, attempt: RangeAttempt): Promise<Uint8Array> {
  const size = Number(headerOf(answer, 'content-length') ?? Number.NaN);
  if (!(size <= WHOLE_FILE_MAX_BYTES)) {
    const found = Number.isNaN(size) ? 'of unstated size' : `of ${size} bytes`;
    throw rangeError(
      'ASSET_UNSUPPORTED',
      attempt,
      `the server ignores Range and sends the whole file ${found}; COGs need a server with range requests`,
    );
  }
  const bytes = await collect(answer, size, attempt);
  if (bytes.length !== size) {
    throw rangeError('SOURCE_UNAVAILABLE', attempt, `the body ended after ${bytes.length} of ${size} bytes`);
  }
  return bytes.slice(attempt.offset, attempt.offset + attempt.length);
}

async function collect(answer: Answer, bound: number, attempt: RangeAttempt): Promise<Uint8Array> {
  const bytes = new Uint8Array(bound);
  let filled = 0;
  for await (const chunk of answer.body as AsyncIterable<Uint8Array>) {
    if (filled + chunk.length > bound) {
      throw rangeError('SOURCE_UNAVAILABLE', attempt, `the server sent more than the ${bound} bytes it announced`);
    }
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return filled === bound ? bytes : bytes.subarray(0, filled);
}

/** Lets the connection be used again: the bodies of errors and redirects are short, and cut off where they are not. */
async function discard(answer: Answer): Promise<void> {
  await answer.body.dump({ limit: 16 * 1024 });
}

interface ContentRange {
  readonly first: number;
  readonly last: number;
  /** Empty if the server does not know. */
  readonly size: string;
}

function parseContentRange(value: string | undefined): ContentRange {
  const found = /^bytes\s+(?:(\d+)-(\d+)|\*)\/(\d+|\*)$/u.exec(value ?? '');
  const size = found?.[3] ?? '*';
  return {
    first: Number(found?.[1] ?? Number.NaN),
    last: Number(found?.[2] ?? Number.NaN),
    size: size === '*' ? '' : size,
  };
}

function versionOf(answer: Answer, size: string): Version {
  return { etag: headerOf(answer, 'etag') ?? '', lastModified: headerOf(answer, 'last-modified') ?? '', size };
}

/** Not by the size alone: another file may have the same. */
function nameOf({ etag, lastModified, size }: Version): string | null {
  if (etag !== '') return etag;
  return lastModified === '' ? null : `${size} bytes of ${lastModified}`;
}

function merge(known: Version | null, found: Version, attempt: RangeAttempt): Version {
  if (known === null) return found;
  for (const part of ['etag', 'lastModified', 'size'] as const) {
    if (known[part] !== '' && found[part] !== '' && known[part] !== found[part]) {
      throw rangeError('ASSET_CHANGED', attempt, `${part} was ${known[part]} at first and is ${found[part]} now`);
    }
  }
  return known;
}

function refuseEncoding(answer: Answer, attempt: RangeAttempt): void {
  const encoding = headerOf(answer, 'content-encoding') ?? 'identity';
  if (encoding.toLowerCase() === 'identity') return;
  throw rangeError(
    'ASSET_UNSUPPORTED',
    attempt,
    `the server sends it with Content-Encoding ${encoding}; ranges of that are not ranges of the file`,
  );
}

function headerOf(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name];
  return typeof value === 'string' ? value : value?.[0];
}
