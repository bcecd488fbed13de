import { gzipSync } from 'node:zlib';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { TilerError } from '../../../src/errors.ts';
import { HostGate } from '../../../src/host-gate.ts';
import type { StacSearchOptions } from '../../../src/stac/search.ts';
import { fromStacStatus } from '../../../src/stac/stac-errors.ts';
import { createTestClient } from '../../support/search-client.ts';
import type { TestClient } from '../../support/search-client.ts';
import { rowOfItems } from '../../support/stac-items.ts';
import { startStacServer } from '../../support/stac-server.ts';
import type { Fault, StacServer } from '../../support/stac-server.ts';

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

const ITEMS = rowOfItems(3);
const IDS = ITEMS.map(({ id }) => id);

async function setUp(
  faults: readonly Fault[],
  options: Partial<StacSearchOptions> = {},
): Promise<{ readonly server: StacServer; readonly client: TestClient }> {
  const server = await startStacServer({ items: ITEMS });
  server.fail(...faults);
  const client = createTestClient(server.searchUrl, options);
  open.push(server, client);
  return { server, client };
}

function times(count: number, fault: Fault): readonly Fault[] {
  return Array.from({ length: count }, () => fault);
}

describe('trying again', () => {
  test.each<[string, Fault]>([
    ['500', { kind: 'status', status: 500 }],
    ['502', { kind: 'status', status: 502, body: '<html>Bad gateway</html>' }],
    ['a reset connection', { kind: 'reset' }],
    ['429 without Retry-After', { kind: 'status', status: 429 }],
  ])('after %s, with waits that double', async (_, fault) => {
    const { client } = await setUp(times(3, fault), { limits: { baseMs: 100 } });
    expect(await client.find()).toEqual(IDS);
    expect(client.counters.searches).toBe(4);
    expect(client.waitsMs).toHaveLength(3);
    for (const [i, waitMs] of client.waitsMs.entries()) {
      expect(waitMs).toBeGreaterThanOrEqual(50 * 2 ** i);
      expect(waitMs).toBeLessThanOrEqual(100 * 2 ** i);
    }
  });

  test('waits as long as Retry-After says', async () => {
    const past = { kind: 'status', status: 503, headers: { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' } } as const;
    const { client } = await setUp([{ kind: 'status', status: 429, headers: { 'retry-after': '7' } }, past]);
    expect(await client.find()).toEqual(IDS);
    expect(client.waitsMs).toEqual([7000, 0]);
  });

  test('hands a long Retry-After to whoever runs the job', async () => {
    const { client } = await setUp([{ kind: 'status', status: 429, headers: { 'retry-after': '120' } }]);
    await expect(client.find()).rejects.toMatchObject({ code: 'STAC_THROTTLED', retry: { afterMs: 120_000 } });
    expect(client.counters.searches).toBe(1);
  });

  test('what one search is told, all searches of the process heed', async () => {
    const gate = new HostGate();
    const { server, client } = await setUp([{ kind: 'status', status: 429, headers: { 'retry-after': '120' } }], {
      gate,
    });
    await expect(client.find()).rejects.toMatchObject({ retry: { afterMs: 120_000 } });
    const other = createTestClient(server.searchUrl, { gate });
    open.push(other);
    const refused: unknown = await other.find().catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'STAC_THROTTLED',
      message: expect.stringMatching(/^Reading .* are left\.$/),
    });
    expect((refused as TilerError).retryAfterMs).toBeGreaterThan(100_000);
    expect([server.searches.length, other.counters.searches]).toEqual([1, 0]);
  });

  test.each([
    [401, 'STAC_FORBIDDEN'],
    [403, 'STAC_FORBIDDEN'],
    [404, 'STAC_RESPONSE_INVALID'],
    [413, 'STAC_RESPONSE_INVALID'],
  ])('not after %d', async (status, code) => {
    const { client } = await setUp(times(9, { kind: 'status', status, body: '{"description":"said so"}' }));
    await expect(client.find()).rejects.toMatchObject({
      code,
      context: { status },
      message: expect.stringMatching(/^Reading page 1 of the search at http:\/\/127.*said so/),
    });
    expect(client.counters.searches).toBe(1);
  });

  test.each<[string, Fault]>([
    ['5xx', { kind: 'status', status: 503 }],
    ['hanging', { kind: 'hang' }],
  ])('not for ever: %s', async (_, fault) => {
    const { client } = await setUp(times(9, fault), { limits: { timeoutMs: 50, attempts: 3 } });
    await expect(client.find()).rejects.toMatchObject({ code: 'STAC_UNAVAILABLE' });
    expect(client.counters.searches).toBe(3);
  });

  test('after a time-out', async () => {
    const { client } = await setUp([{ kind: 'hang' }], { limits: { timeoutMs: 500 } });
    expect(await client.find()).toEqual(IDS);
  });

  test('no server at all', async () => {
    const client = createTestClient('http://127.0.0.1:9/search');
    open.push(client);
    await expect(client.find()).rejects.toMatchObject({
      code: 'STAC_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

describe('aborting', () => {
  test('passes the reason on, during a request and between two', async () => {
    const { server, client } = await setUp([{ kind: 'hang' }]);
    const controller = new AbortController();
    const found = client.find({}, controller.signal);
    await expect.poll(() => server.searches.length).toBe(1);
    controller.abort();
    await expect(found).rejects.toBe(controller.signal.reason);

    const second = await setUp(times(1, { kind: 'status', status: 503 }), {
      wait: async (_, signal) => {
        controller.abort();
        signal.throwIfAborted();
      },
    });
    await expect(second.client.find({}, controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('answers that are none', () => {
  test.each([
    ['no JSON', '<html>Welcome</html>', 'expected JSON, found text that begins with "<html>'],
    ['cut JSON', '{"features":[', 'expected JSON'],
    ['no items', '{"title":"an API"}', 'expected a GeoJSON FeatureCollection'],
    ['a broken item', '{"features":[{"id":"b","bbox":[1]}]}', "item 'b' is broken: field 'bbox'"],
  ])('%s', async (_, body, message) => {
    const { client } = await setUp([{ kind: 'body', body }]);
    await expect(client.find()).rejects.toMatchObject({
      code: 'STAC_RESPONSE_INVALID',
      message: expect.stringContaining(message),
    });
    expect(client.counters.searches).toBe(1);
  });

  test('too large, plain and packed', async () => {
    const bomb = gzipSync(Buffer.alloc(1024 * 1024, ' '));
    const server = createServer((_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const packed = createTestClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}/search`, {
      limits: { maxResponseBytes: 100_000 },
    });
    open.push({ [Symbol.asyncDispose]: async () => void server.close() }, packed);
    const { client } = await setUp([{ kind: 'body', body: ' '.repeat(100_001) }], {
      limits: { maxResponseBytes: 100_000 },
    });
    for (const one of [client, packed]) {
      await expect(one.find()).rejects.toMatchObject({
        code: 'STAC_RESPONSE_INVALID',
        message: expect.stringContaining('larger than 100000 bytes'),
      });
    }
  });

  test('a redirect is not followed but told', async () => {
    const { client } = await setUp([
      { kind: 'status', status: 307, headers: { location: 'https://new.test/search?key=secret' } },
    ]);
    await expect(client.find()).rejects.toMatchObject({
      message: expect.stringMatching(/307 and points to https:\/\/new\.test\/search; give that/),
    });
  });
});

describe('what is sent', () => {
  test('the headers given, and no secret in any message', async () => {
    const { server, client } = await setUp([], { headers: { authorization: 'Bearer secret-token' } });
    await client.find();
    expect(server.searches[0]?.headers['authorization']).toBe('Bearer secret-token');
    server.fail({ kind: 'status', status: 403 });
    const error: unknown = await client.find().catch((caught: unknown) => caught);
    expect(String(error)).not.toContain('secret-token');
  });

  test('no more requests at once than allowed', async () => {
    const { server, client } = await setUp(times(2, { kind: 'hang' }), { limits: { concurrency: 2, timeoutMs: 300 } });
    const finds = Array.from({ length: 5 }, async () => client.find());
    await expect.poll(() => server.searches.length).toBe(2);
    expect(client.counters.searches).toBe(2);
    expect(await Promise.all(finds)).toEqual(finds.map(() => IDS));
  });
});

describe('fromStacStatus', () => {
  test.each([
    ['{"detail":[{"msg":"bad limit"}]}', '[{"msg":"bad limit"}]'],
    ['{"code":"BadRequest","message":"bad\\n limit"}', 'bad limit'],
    ['plain words', 'plain words'],
    ['<html>hidden</html>', null],
    ['x'.repeat(5000), `${'x'.repeat(300)}…`],
  ])('passes on the words of the server, shortened', (body, words) => {
    const { message } = fromStacStatus(400, 'page 1', body, null);
    expect(message).toContain(words === null ? 'answered 400, expected' : `answered 400 (${words})`);
  });
});
