import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TilerError } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { HostGate, MAX_CLOSED_MS } from '../../src/host-gate.ts';
import type { HostClosing } from '../../src/host-gate.ts';

const HOST = 'https://data.example:8443';
const NEVER = new AbortController().signal;
const A_MINUTE_MS = 60_000;

/** Gates whose closings are no longer than they must be. */
const EXACT = (): number => 0;

interface Sent {
  readonly result: Promise<string>;
  /** It has reached the host. */
  readonly isOut: () => boolean;
  readonly pass: () => void;
  readonly fail: (code: ErrorCode, options?: { retryAfterMs?: number; status?: number }) => void;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});

afterEach(() => {
  vi.useRealTimers();
});

function send(gate: HostGate, { host = HOST, maxWaitMs = A_MINUTE_MS, signal = NEVER } = {}): Sent {
  let resolve!: (bytes: string) => void;
  let reject!: (error: TilerError) => void;
  const answer = new Promise<string>((...ends) => ([resolve, reject] = ends));
  let out = false;
  const request = async (): Promise<string> => {
    out = true;
    return await answer;
  };
  const refuse = (found: string, retryAfterMs: number): TilerError =>
    new TilerError('SOURCE_THROTTLED', found, { retryAfterMs });
  const result = gate.pass(host, request, { signal, maxWaitMs, refuse });
  result.catch(() => {});
  return {
    result,
    isOut: () => out,
    pass: () => resolve('bytes'),
    fail: (code, { retryAfterMs, status } = {}) =>
      reject(
        new TilerError(code, 'refused', {
          ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
          context: status === undefined ? {} : { status },
        }),
      ),
  };
}

async function ends({ result }: Sent): Promise<unknown> {
  return await result.catch((error: unknown) => error);
}

async function throttled(gate: HostGate, retryAfterMs?: number, host = HOST): Promise<void> {
  const sent = send(gate, { host });
  sent.fail('SOURCE_THROTTLED', retryAfterMs === undefined ? {} : { retryAfterMs });
  await ends(sent);
}

const out = (all: readonly Sent[]): number => all.filter((sent) => sent.isOut()).length;

async function sendMany(gate: HostGate, count: number): Promise<readonly Sent[]> {
  const all = Array.from({ length: count }, () => send(gate));
  await vi.advanceTimersByTimeAsync(0);
  return all;
}

describe('a host that was not throttled', () => {
  test('takes any number of requests at once', async () => {
    const gate = new HostGate();
    const all = await sendMany(gate, 100);
    expect(out(all)).toBe(100);
    for (const sent of all) sent.pass();
    expect(await Promise.all(all.map(ends))).toStrictEqual(Array.from({ length: 100 }, () => 'bytes'));
  });

  test.each<[ErrorCode, { retryAfterMs?: number; status?: number }]>([
    ['ASSET_NOT_FOUND', { status: 404 }],
    ['ASSET_FORBIDDEN', { status: 403, retryAfterMs: 1000 }],
    ['SOURCE_UNAVAILABLE', { status: 500 }],
    ['STAC_UNAVAILABLE', {}],
  ])('is not closed by %s %o', async (code, failure) => {
    const gate = new HostGate();
    const sent = send(gate);
    sent.fail(code, failure);
    await expect(sent.result).rejects.toMatchObject({ code });
    expect(gate.closings()).toStrictEqual([]);
  });
});

describe('closing', () => {
  test.each<[string, ErrorCode, { retryAfterMs?: number; status?: number }, number]>([
    ['Retry-After', 'SOURCE_THROTTLED', { retryAfterMs: 7000 }, 7000],
    ['Retry-After with another status', 'STAC_UNAVAILABLE', { retryAfterMs: 7000, status: 500 }, 7000],
    ['a Retry-After beyond reason', 'STAC_THROTTLED', { retryAfterMs: 1e12 }, MAX_CLOSED_MS],
    ['429 or SlowDown without it', 'STORE_THROTTLED', {}, 250],
    ['503 without it', 'SOURCE_UNAVAILABLE', { status: 503 }, 250],
    ['Retry-After of 0', 'STORE_THROTTLED', { retryAfterMs: 0 }, 250],
  ])('%s', async (_, code, failure, closedMs) => {
    const gate = new HostGate(EXACT);
    const sent = send(gate);
    sent.fail(code, failure);
    await ends(sent);
    expect(gate.closings()).toStrictEqual([{ host: HOST, closedMs }]);
    expect(gate.closedMs(HOST)).toBe(closedMs);
    const other = send(gate, { host: 'https://other.example' });
    expect(other.isOut()).toBe(true);
    const held = send(gate, { maxWaitMs: MAX_CLOSED_MS });
    await vi.advanceTimersByTimeAsync(closedMs - 1);
    expect(held.isOut()).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(held.isOut()).toBe(true);
  });

  test('the back-off of a host doubles while nothing passes, up to half a minute, and begins anew after that', async () => {
    const gate = new HostGate(EXACT);
    const found: number[] = [];
    for (let n = 0; n < 9; n++) {
      await throttled(gate);
      found.push(gate.closedMs(HOST));
      await vi.advanceTimersByTimeAsync(gate.closedMs(HOST));
    }
    expect(found).toStrictEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    const sent = send(gate);
    sent.pass();
    await ends(sent);
    await throttled(gate);
    expect(gate.closedMs(HOST)).toBe(250);
  });

  test('the longest counts, and what was under way makes no further closing', async () => {
    const gate = new HostGate(EXACT);
    const told: HostClosing[] = [];
    gate.onClosing((closing) => void told.push(closing));
    const [a, b, c, d] = (await sendMany(gate, 4)) as [Sent, Sent, Sent, Sent];
    a.fail('SOURCE_THROTTLED', { retryAfterMs: 5000 });
    b.fail('SOURCE_THROTTLED', { retryAfterMs: 2000 });
    c.fail('SOURCE_THROTTLED', { retryAfterMs: 9000 });
    d.fail('SOURCE_THROTTLED');
    await Promise.all([a, b, c, d].map(ends));
    expect(gate.closedMs(HOST)).toBe(9000);
    expect(told.map(({ closedMs }) => closedMs)).toStrictEqual([5000, 9000]);
  });

  test('processes open at other moments, later than they must by a tenth or a second at most', async () => {
    for (const [retryAfterMs, latestMs] of [
      [4000, 4400],
      [100_000, 101_000],
    ] as const) {
      const gate = new HostGate(() => 1);
      await throttled(gate, retryAfterMs);
      expect(gate.closedMs(HOST)).toBe(latestMs);
    }
  });

  test('one that another process was told of closes the host here, and is told to nobody', async () => {
    const gate = new HostGate(EXACT);
    const told: HostClosing[] = [];
    const stop = gate.onClosing((closing) => void told.push(closing));
    gate.close({ host: HOST, closedMs: 3000 });
    const held = send(gate);
    expect(held.isOut()).toBe(false);
    gate.close({ host: HOST, closedMs: 1000 });
    expect(gate.closedMs(HOST)).toBe(3000);
    expect(told).toStrictEqual([]);
    await vi.advanceTimersByTimeAsync(3000);
    expect(held.isOut()).toBe(true);
    stop();
    held.fail('SOURCE_THROTTLED', { retryAfterMs: 4000 });
    await ends(held);
    expect(told).toStrictEqual([]);
  });
});

describe('waiting', () => {
  test('for longer than allowed is refused at once, with what is left; also if that turns out later', async () => {
    const gate = new HostGate(EXACT);
    await throttled(gate, 30_000);
    await vi.advanceTimersByTimeAsync(5000);
    const refused = send(gate, { maxWaitMs: 10_000 });
    await expect(refused.result).rejects.toMatchObject({
      code: 'SOURCE_THROTTLED',
      message: `${HOST} asked for a pause, of which 25 s are left`,
      retry: { afterMs: 25_000 },
    });
    const waiting = send(gate, { maxWaitMs: 26_000 });
    gate.close({ host: HOST, closedMs: 40_000 });
    await expect(waiting.result).rejects.toMatchObject({ retry: { afterMs: 40_000 } });
    expect([refused.isOut(), waiting.isOut()]).toStrictEqual([false, false]);
  });

  test('ends with the signal, and leaves neither listener nor timer', async () => {
    const gate = new HostGate(EXACT);
    await throttled(gate, 5000);
    const controller = new AbortController();
    const held = send(gate, { signal: controller.signal });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(1);
    controller.abort();
    await expect(held.result).rejects.toMatchObject({ name: 'AbortError' });
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
    await expect(send(gate, { signal: controller.signal }).result).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('opening', () => {
  test('half as many go at once as before; one more with each so many that pass, until there is no limit', async () => {
    const gate = new HostGate(EXACT);
    const before = await sendMany(gate, 16);
    before[0]!.fail('SOURCE_THROTTLED', { retryAfterMs: 1000 });
    for (const sent of before.slice(1)) sent.pass();
    await Promise.all(before.map(ends));
    await vi.advanceTimersByTimeAsync(1000);
    const after = await sendMany(gate, 4000);
    const widths: number[] = [out(after)];
    let answered = 0;
    for (let round = 0; round < 60; round++) {
      const width = out(after) - answered;
      for (const sent of after.slice(answered, answered + width)) sent.pass();
      answered += width;
      await vi.advanceTimersByTimeAsync(0);
      widths.push(out(after) - answered);
    }
    expect(widths.slice(0, 4)).toStrictEqual([8, 9, 10, 11]);
    expect(out(after)).toBe(4000);
  });

  test('halves once for all that were under way together, and no further than one', async () => {
    const gate = new HostGate(EXACT);
    let open = 16;
    for (const expected of [8, 4, 2, 1, 1]) {
      const all = await sendMany(gate, open);
      for (const sent of all) sent.fail('SOURCE_THROTTLED', { retryAfterMs: 1000 });
      await Promise.all(all.map(ends));
      await vi.advanceTimersByTimeAsync(1000);
      const after = await sendMany(gate, 20);
      expect(out(after)).toBe(expected);
      for (const sent of after) sent.fail('ASSET_NOT_FOUND');
      await Promise.all(after.map(ends));
      open = expected;
    }
  });
});

test('hosts are forgotten, those that are closed for longest last', async () => {
  const gate = new HostGate(EXACT);
  await throttled(gate, MAX_CLOSED_MS);
  for (let n = 0; n < 3000; n++) await throttled(gate, 1000 + n, `https://host-${n}.example`);
  const closings = gate.closings();
  expect(closings.length).toBeLessThanOrEqual(1000);
  expect(closings[0]).toStrictEqual({ host: HOST, closedMs: MAX_CLOSED_MS });
});
