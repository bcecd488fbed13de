import { describe, expect, test } from 'vitest';
import { createHostLimits, withMiddleware } from '../../../src/cog/middleware.ts';
import type { RangeSource } from '../../../src/cog/range-source.ts';
import { TilerError, type ErrorCode } from '../../../src/errors.ts';
import { HostGate } from '../../../src/host-gate.ts';
import { createIoCounters } from '../../../src/observe.ts';
import type { RetryOptions } from '../../../src/retry.ts';

const NEVER = { signal: new AbortController().signal };
const FAST: RetryOptions = { attempts: 3, baseMs: 1, maxMs: 5 };

function failing(codes: readonly ErrorCode[], retryAfterMs?: number) {
  const left = [...codes];
  const source: RangeSource = {
    label: 'a file',
    async read(_, length) {
      const code = left.shift();
      if (code === undefined) return new Uint8Array(length);
      throw new TilerError(code, 'it failed', retryAfterMs === undefined ? {} : { retryAfterMs });
    },
    version: () => '"1"',
    async [Symbol.asyncDispose]() {},
  };
  return source;
}

function wrap(source: RangeSource, retry: RetryOptions = FAST, concurrency = 2) {
  const counters = createIoCounters();
  const limit = createHostLimits(concurrency)('host');
  return { source: withMiddleware(source, { retry, limit, counters }), counters };
}

describe('retry', () => {
  test('tries again what can succeed, as often as allowed', async () => {
    const { source, counters } = wrap(failing(['SOURCE_UNAVAILABLE', 'SOURCE_THROTTLED']));
    expect((await source.read(0, 7, NEVER)).length).toBe(7);
    expect(counters).toMatchObject({ readRequests: 3, bytesRead: 7 });
    const other = wrap(failing(['SOURCE_UNAVAILABLE', 'SOURCE_UNAVAILABLE', 'SOURCE_UNAVAILABLE']));
    await expect(other.source.read(0, 7, NEVER)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    expect(other.counters.readRequests).toBe(3);
  });

  test.each<ErrorCode>(['ASSET_NOT_FOUND', 'ASSET_FORBIDDEN', 'ASSET_CHANGED', 'ASSET_UNSUPPORTED'])(
    '%s is not tried again',
    async (code) => {
      const { source, counters } = wrap(failing([code]));
      await expect(source.read(0, 7, NEVER)).rejects.toMatchObject({ code });
      expect(counters.readRequests).toBe(1);
    },
  );

  test('what is not a TilerError is a fault, and is not tried again', async () => {
    const broken: RangeSource = { ...failing([]), read: () => Promise.reject(new TypeError('a fault')) };
    const { source, counters } = wrap(broken);
    await expect(source.read(0, 7, NEVER)).rejects.toThrow(TypeError);
    expect(counters.readRequests).toBe(1);
  });

  test('a wait that the server asks for is kept if it is short, else left to the queue', async () => {
    const short = wrap(failing(['SOURCE_THROTTLED'], 5));
    expect((await short.source.read(0, 7, NEVER)).length).toBe(7);
    const long = wrap(failing(['SOURCE_THROTTLED'], 3_600_000));
    await expect(long.source.read(0, 7, NEVER)).rejects.toMatchObject({ retry: { afterMs: 3_600_000 } });
    expect(long.counters.readRequests).toBe(1);
  });

  test('an abort ends the wait between attempts', async () => {
    const controller = new AbortController();
    const { source } = wrap(failing(['SOURCE_UNAVAILABLE']), { attempts: 2, baseMs: 600_000, maxMs: 600_000 });
    const reading = source.read(0, 7, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('gate', () => {
  const limitOf = createHostLimits(2);

  function gated(gate: HostGate, host: string, source: RangeSource, retry: RetryOptions = FAST) {
    const counters = createIoCounters();
    return {
      source: withMiddleware(source, { retry, limit: limitOf(host), gate: { gate, host }, counters }),
      counters,
    };
  }

  test('what one file is told, all files of the host heed; nothing is sent meanwhile', async () => {
    const gate = new HostGate();
    const first = gated(gate, 'https://a', failing(['SOURCE_THROTTLED'], 60_000));
    await expect(first.source.read(0, 7, NEVER)).rejects.toMatchObject({ retry: { afterMs: 60_000 } });
    const second = gated(gate, 'https://a', failing([]));
    const refused: unknown = await second.source.read(3, 7, NEVER).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'SOURCE_THROTTLED',
      message: expect.stringMatching(/^Reading 7 bytes at 3 of a file: https:\/\/a asked for a pause/),
      context: { href: 'a file' },
    });
    expect((refused as TilerError).retryAfterMs).toBeGreaterThan(50_000);
    expect(second.counters.readRequests).toBe(0);
    expect((await gated(gate, 'https://b', failing([])).source.read(0, 7, NEVER)).length).toBe(7);
  });

  test('a short pause is waited for', async () => {
    const gate = new HostGate(() => 0);
    gate.close({ host: 'https://a', closedMs: 20 });
    const { source, counters } = gated(gate, 'https://a', failing([]), { ...FAST, maxMs: 10_000 });
    expect((await source.read(0, 7, NEVER)).length).toBe(7);
    expect(counters.readRequests).toBe(1);
  });
});

describe('limit', () => {
  /** A source whose reads end when they are told to. */
  function held() {
    const release: (() => void)[] = [];
    const source: RangeSource = {
      ...failing([]),
      read: (_, length) => new Promise((resolve) => release.push(() => resolve(new Uint8Array(length)))),
    };
    return { source, release };
  }

  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  test('no more reads run than allowed; an aborted one leaves the queue at once', async () => {
    const { source, release } = held();
    const wrapped = wrap(source, FAST, 2);
    const controller = new AbortController();
    const reads = [0, 1, 2].map((n) => wrapped.source.read(n, 1, NEVER));
    const waiting = wrapped.source.read(3, 1, { signal: controller.signal });
    await turn();
    expect(release.length).toBe(2);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    release[0]!();
    await turn();
    expect(release.length).toBe(3);
    for (const end of release) end();
    await Promise.all(reads);
    expect(wrapped.counters.readRequests).toBe(3);
  });

  test('hosts have limits of their own, and the same one has the same', () => {
    const limitOf = createHostLimits(2);
    const first = limitOf('a');
    expect(limitOf('a')).toBe(first);
    expect(limitOf('b')).not.toBe(first);
    for (let n = 0; n < 2_000; n += 1) limitOf(`host ${n}`);
    expect(limitOf('a')).not.toBe(first);
  });
});
