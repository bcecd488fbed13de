import pLimit, { type LimitFunction } from 'p-limit';
import type { TilerError } from '../errors.ts';
import type { HostGate } from '../host-gate.ts';
import type { IoCounters } from '../observe.ts';
import { runWithin, withRetries, type RetryOptions } from '../retry.ts';
import type { RangeSource } from './range-source.ts';
import { rangeError } from './source-errors.ts';

/**
 * What lies between a range source and its user, outermost first: retry, limit, gate, count.
 *
 * - retry is outermost, so that a read that waits to be tried again holds no slot of its host;
 * - limit comes next, so that every attempt takes a slot;
 * - the gate lies beneath it, so that what it lets through goes out at once; without one, no read is held back;
 * - count is innermost, so that every attempt is counted, and no time in the queue is.
 */
export function withMiddleware(
  source: RangeSource,
  { retry, limit, gate = null, counters }: MiddlewareParts,
): RangeSource {
  const counted = withCounters(source, counters);
  return withRetry(withLimit(gate === null ? counted : withGate(counted, gate, retry.maxMs), limit), retry);
}

export interface MiddlewareParts {
  readonly retry: RetryOptions;
  readonly limit: LimitFunction;
  /** What holds the reads of a host back once it asks for less of them. */
  readonly gate?: { readonly gate: HostGate; readonly host: string } | null;
  readonly counters: IoCounters;
}

/** Waits that bridge a short failure without holding a job for long: three retries within at most 14 s. */
export const DEFAULT_RETRY: RetryOptions = { attempts: 4, baseMs: 250, maxMs: 10_000 };

function withRetry(source: RangeSource, options: RetryOptions): RangeSource {
  return {
    label: source.label,
    read: (offset, length, { signal }) =>
      withRetries(() => source.read(offset, length, { signal }), options, { signal, isFinal: isChanged }),
    version: () => source.version(),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** A changed file does not change back: what was read of it must be forgotten first. */
function isChanged({ code }: TilerError): boolean {
  return code === 'ASSET_CHANGED';
}

function withLimit(source: RangeSource, limit: LimitFunction): RangeSource {
  return {
    label: source.label,
    read: (offset, length, { signal }) =>
      runWithin({ signal, timeoutMs: Number.POSITIVE_INFINITY }, (inner) =>
        limit(() => {
          inner.throwIfAborted();
          return source.read(offset, length, { signal: inner });
        }),
      ),
    version: () => source.version(),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

function withGate(
  source: RangeSource,
  { gate, host }: NonNullable<MiddlewareParts['gate']>,
  maxWaitMs: number,
): RangeSource {
  return {
    label: source.label,
    read: (offset, length, { signal }) =>
      gate.pass(host, () => source.read(offset, length, { signal }), {
        signal,
        maxWaitMs,
        refuse: (found, retryAfterMs) =>
          rangeError('SOURCE_THROTTLED', { label: source.label, offset, length }, found, { retryAfterMs }),
      }),
    version: () => source.version(),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

function withCounters(source: RangeSource, counters: IoCounters): RangeSource {
  return {
    label: source.label,
    async read(offset, length, { signal }) {
      counters.readRequests += 1;
      const bytes = await source.read(offset, length, { signal });
      counters.bytesRead += bytes.length;
      return bytes;
    },
    version: () => source.version(),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** Gives one limit to all that read from one host. Hosts that are idle are forgotten, however many there were. */
export function createHostLimits(concurrency: number): (host: string) => LimitFunction {
  const limits = new Map<string, LimitFunction>();
  return (host) => {
    const known = limits.get(host);
    if (known !== undefined) return known;
    if (limits.size >= MAX_IDLE_HOSTS) {
      for (const [other, limit] of limits) if (limit.activeCount + limit.pendingCount === 0) limits.delete(other);
    }
    const limit = pLimit(concurrency);
    limits.set(host, limit);
    return limit;
  };
}

const MAX_IDLE_HOSTS = 256;
