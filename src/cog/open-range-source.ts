import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { S3Client } from '@aws-sdk/client-s3';
import type { Dispatcher } from 'undici';
import { TilerError, type ErrorCode } from '../errors.ts';
import { hostOfBucket } from '../host-gate.ts';
import type { HostGate } from '../host-gate.ts';
import { NO_STAGES, timed } from '../observe.ts';
import type { IoCounters, StageMeter } from '../observe.ts';
import type { RetryOptions } from '../retry.ts';
import { labelOf } from './href-label.ts';
import { isRefusedAddress } from './http-agent.ts';
import { createHostLimits, DEFAULT_RETRY, withMiddleware } from './middleware.ts';
import type { OpenRangeSource, RangeSource } from './range-source.ts';
import { createFileSource } from './source-file.ts';
import { createHttpSource } from './source-http.ts';
import { createS3Source } from './source-s3.ts';

export interface RangeSourceOpenerOptions {
  readonly counters: IoCounters;
  readonly stages?: StageMeter;
  /** Made by `createHttpAgent`, closed by whoever made it. */
  readonly agent: Dispatcher;
  /** Absolute folder beneath which `file:` hrefs may be read; null = none may. */
  readonly fileRoot: string | null;
  /** Hosts that http and https hrefs may name, also those redirected to; null = all. A leading dot means all names below. */
  readonly allowedHosts: readonly string[] | null;
  /** Called once, when the first `s3:` href is read; null = S3 is not configured. Make it with `maxAttempts: 1`. */
  readonly s3Client: (() => Pick<S3Client, 'send'> | Promise<Pick<S3Client, 'send'>>) | null;
  /** Reads at the same time from one host, one bucket, or the file system. Default 8. */
  readonly concurrencyPerHost?: number;
  /** For one attempt of one read. Default 60,000. */
  readonly timeoutMs?: number;
  readonly retry?: RetryOptions;
  /** Holds reads back from hosts that ask for less of them. Default: none is held back. */
  readonly gate?: HostGate;
}

/**
 * Creates the one way from an untrusted href to bytes: the scheme decides the range source, after the href was checked
 * against what the configuration allows. Every source counts its reads, retries them and keeps to its host's limit.
 *
 * @throws (when opening) TilerError `ASSET_UNSUPPORTED` for another scheme or an unreadable href, `ASSET_FORBIDDEN` for
 * a host, an address or a folder that may not be read
 */
export function createRangeSourceOpener(options: RangeSourceOpenerOptions): OpenRangeSource {
  const limitOf = createHostLimits(options.concurrencyPerHost ?? 8);
  const { gate } = options;
  const wrap = (source: RangeSource, host: string): RangeSource =>
    withMiddleware(withReadTimes(source, options.stages ?? NO_STAGES), {
      retry: options.retry ?? DEFAULT_RETRY,
      limit: limitOf(host),
      gate: gate === undefined || host === FILES ? null : { gate, host },
      counters: options.counters,
    });
  const s3 = once(options.s3Client);
  const timeoutMs = options.timeoutMs ?? 60_000;

  return (href) => {
    const scheme = /^([a-z][a-z0-9+.-]*):/iu.exec(href)?.[1]?.toLowerCase() ?? '';
    switch (scheme) {
      case 'http':
      case 'https':
        return openHttp(href, options, timeoutMs, wrap);
      case 's3':
        return openS3(href, s3, timeoutMs, wrap);
      case 'file':
        return openFile(href, options.fileRoot, timeoutMs, wrap);
      default: {
        const found = scheme === '' ? 'it has no scheme' : `its scheme is ${scheme}`;
        throw refuse('ASSET_UNSUPPORTED', labelOf(href), `${found}; accepted are http, https, s3 and file`);
      }
    }
  };
}

/** Measures each attempt of a read. */
function withReadTimes(source: RangeSource, stages: StageMeter): RangeSource {
  return {
    label: source.label,
    read: (offset, length, callOptions) => timed(stages, 'read', () => source.read(offset, length, callOptions)),
    version: () => source.version(),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** The file system, where a host would be named. */
const FILES = 'file';

type Wrap = (source: RangeSource, host: string) => RangeSource;

function openHttp(href: string, options: RangeSourceOpenerOptions, timeoutMs: number, wrap: Wrap): RangeSource {
  const label = labelOf(href);
  if (!URL.canParse(href)) throw refuse('ASSET_UNSUPPORTED', label, 'it is not a URL');
  const url = new URL(href);
  if (url.username !== '' || url.password !== '') {
    throw refuse('ASSET_UNSUPPORTED', label, 'it carries credentials; give them to the server in another way');
  }
  const checkUrl = (hop: URL): void => checkHop(hop, label, options.allowedHosts);
  checkUrl(url);
  url.hash = '';
  return wrap(createHttpSource({ url, label, agent: options.agent, checkUrl, timeoutMs }), url.origin);
}

function checkHop(url: URL, label: string, allowedHosts: readonly string[] | null): void {
  const { protocol, hostname } = url;
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw refuse(
      'ASSET_FORBIDDEN',
      label,
      `it leads to a ${protocol} address; from HTTP only http and https are followed`,
    );
  }
  if (isRefusedAddress(hostname)) {
    throw refuse(
      'ASSET_FORBIDDEN',
      label,
      `${hostname} is a link-local or metadata address, which no asset may lead to`,
    );
  }
  if (allowedHosts === null) return;
  const isAllowed = allowedHosts.some((host) => (host.startsWith('.') ? hostname.endsWith(host) : hostname === host));
  if (!isAllowed) throw refuse('ASSET_FORBIDDEN', label, `the host ${hostname} is not among the allowed hosts`);
}

function openS3(
  href: string,
  s3: (() => Promise<Pick<S3Client, 'send'>>) | null,
  timeoutMs: number,
  wrap: Wrap,
): RangeSource {
  const label = labelOf(href);
  if (s3 === null) throw refuse('ASSET_UNSUPPORTED', label, 'S3 is not configured');
  // A key may hold what a URL could not; so the href is not read as one.
  const found = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,62})\/(.+)$/iu.exec(href);
  const [, bucket, key] = found ?? [];
  if (bucket === undefined || key === undefined) throw refuse('ASSET_UNSUPPORTED', label, 'expected s3://bucket/key');
  return wrap(createS3Source({ bucket, key, label, client: s3, timeoutMs }), hostOfBucket(bucket));
}

function openFile(href: string, fileRoot: string | null, timeoutMs: number, wrap: Wrap): RangeSource {
  const label = labelOf(href);
  if (fileRoot === null) throw refuse('ASSET_FORBIDDEN', label, 'no folder is configured that files may be read from');
  const path = pathOf(href, label);
  const root = resolve(fileRoot);
  const below = relative(root, path);
  if (below === '' || below === '..' || below.startsWith(`..${sep}`) || isAbsolute(below)) {
    throw refuse('ASSET_FORBIDDEN', label, 'it lies outside of the folder that files may be read from');
  }
  return wrap(createFileSource({ path, root, label, timeoutMs }), FILES);
}

function pathOf(href: string, label: string): string {
  try {
    const url = new URL(href);
    url.search = '';
    url.hash = '';
    return fileURLToPath(url);
  } catch (error) {
    throw refuse('ASSET_UNSUPPORTED', label, 'it is not the URL of a local file', error);
  }
}

function refuse(code: ErrorCode, label: string, found: string, cause?: unknown): TilerError {
  return new TilerError(code, `Opening ${label}: ${found}`, {
    context: { href: label },
    ...(cause === undefined ? {} : { cause }),
  });
}

function once<T>(make: (() => T | Promise<T>) | null): (() => Promise<T>) | null {
  let making: Promise<T> | null = null;
  return make === null ? null : () => (making ??= Promise.resolve(make()));
}
