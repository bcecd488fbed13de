import type { ServerResponse } from 'node:http';
import { isIP, type LookupFunction } from 'node:net';
import { request, type Dispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADDRESS_REFUSED, createHttpAgent } from '../../src/cog/http-agent.ts';
import { createRangeSourceOpener, type RangeSourceOpenerOptions } from '../../src/cog/open-range-source.ts';
import { createIoCounters, type IoCounters } from '../../src/observe.ts';
import { answerRange, startRangeServer, type OddAnswer, type RangeServer } from '../support/range-server.ts';

const NEVER = { signal: new AbortController().signal };
const BYTES = Uint8Array.from({ length: 5_000 }, (_, i) => i % 251);

let server: RangeServer;
let agent: ReturnType<typeof createHttpAgent>;
let counters: IoCounters;

beforeEach(async () => {
  server = await startRangeServer();
  server.put('/a.tif', BYTES);
  agent = createHttpAgent({ headersTimeoutMs: 5_000 });
  counters = createIoCounters();
});

afterEach(async () => {
  await agent.destroy();
  await server[Symbol.asyncDispose]();
});

function open(options: Partial<RangeSourceOpenerOptions> = {}, href = `${server.url}/a.tif?X-Signature=secret`) {
  return createRangeSourceOpener({
    counters,
    agent,
    fileRoot: null,
    allowedHosts: null,
    s3Client: null,
    retry: { attempts: 1, baseMs: 1, maxMs: 2_000 },
    ...options,
  })(href);
}

function status(code: number, headers: Readonly<Record<string, string>> = {}): OddAnswer {
  return (_, response) => void response.writeHead(code, headers).end('a reason, which nobody reads');
}

function part(headers: Readonly<Record<string, string>>, body: Uint8Array): OddAnswer {
  return (_, response: ServerResponse) => void response.writeHead(206, headers).end(body);
}

describe('what an HTTP server may answer', () => {
  test.each([
    [404, {}, 'ASSET_NOT_FOUND', null],
    [410, {}, 'ASSET_NOT_FOUND', null],
    [401, {}, 'ASSET_FORBIDDEN', null],
    [403, {}, 'ASSET_FORBIDDEN', null],
    [412, {}, 'ASSET_CHANGED', null],
    [429, { 'retry-after': '7' }, 'SOURCE_THROTTLED', 7_000],
    [429, {}, 'SOURCE_THROTTLED', null],
    [503, { 'retry-after': '2' }, 'SOURCE_THROTTLED', 2_000],
    [503, {}, 'SOURCE_UNAVAILABLE', null],
    [500, {}, 'SOURCE_UNAVAILABLE', null],
    [408, {}, 'SOURCE_UNAVAILABLE', null],
    [400, {}, 'ASSET_UNSUPPORTED', null],
  ])('%i %o is %s', async (code, headers, expected, retryAfterMs) => {
    server.answerNext(status(code, headers));
    const reading = open().read(0, 10, NEVER);
    await expect(reading).rejects.toMatchObject({ code: expected, retryAfterMs, context: { status: code } });
    await expect(reading).rejects.not.toMatchObject({ message: expect.stringContaining('secret') as string });
  });

  test.each<[string, OddAnswer, string]>([
    [
      'other bytes than asked for',
      part({ 'content-range': 'bytes 5-14/5000' }, BYTES.subarray(5, 15)),
      'SOURCE_UNAVAILABLE',
    ],
    [
      'fewer bytes in the middle',
      part({ 'content-range': 'bytes 0-4/5000' }, BYTES.subarray(0, 5)),
      'SOURCE_UNAVAILABLE',
    ],
    ['no Content-Range', part({}, BYTES.subarray(0, 10)), 'SOURCE_UNAVAILABLE'],
    ['a short body', part({ 'content-range': 'bytes 0-9/5000' }, BYTES.subarray(0, 4)), 'SOURCE_UNAVAILABLE'],
    ['a long body', part({ 'content-range': 'bytes 0-9/5000' }, BYTES.subarray(0, 90)), 'SOURCE_UNAVAILABLE'],
    [
      'a compressed body',
      part({ 'content-range': 'bytes 0-9/5000', 'content-encoding': 'gzip' }, BYTES.subarray(0, 10)),
      'ASSET_UNSUPPORTED',
    ],
    [
      'a body that breaks off',
      (_, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-9/5000', 'content-length': '10' });
        response.write(BYTES.subarray(0, 5), () => response.destroy());
      },
      'SOURCE_UNAVAILABLE',
    ],
    ['nothing at all', (_, response) => void response.destroy(), 'SOURCE_UNAVAILABLE'],
    ['a redirect to nowhere', status(302), 'SOURCE_UNAVAILABLE'],
  ])('%s is an error', async (_, answer, code) => {
    server.answerNext(answer);
    await expect(open().read(0, 10, NEVER)).rejects.toMatchObject({ name: 'TilerError', code });
  });

  test.each<[string, Readonly<Record<string, string>>, string | null]>([
    ['an ETag', { etag: '"7"', 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' }, '"7"'],
    ['a weak ETag', { etag: 'W/"7"' }, 'W/"7"'],
    [
      'a time and a size',
      { 'last-modified': 'Mon, 01 Jan 2024 00:00:00 GMT' },
      '5000 bytes of Mon, 01 Jan 2024 00:00:00 GMT',
    ],
    ['nothing', {}, null],
  ])('the version of a file of which the server says %s', async (_, headers, version) => {
    server.answerNext(part({ ...headers, 'content-range': 'bytes 0-9/5000' }, BYTES.subarray(0, 10)));
    const source = open();
    await source.read(0, 10, NEVER);
    expect(source.version()).toBe(version);
  });

  test('a server that ignores ranges is read only where the whole file is small', async () => {
    const whole: OddAnswer = (_, response) =>
      void response.writeHead(200, { 'content-length': BYTES.length }).end(BYTES);
    server.answerNext(whole);
    expect([...(await open().read(20, 3, NEVER))]).toEqual([20, 21, 22]);
    const large: OddAnswer = (_, response) =>
      void response.writeHead(200, { 'content-length': 900_000_000 }).write(BYTES);
    server.answerNext(large);
    await expect(open().read(20, 3, NEVER)).rejects.toMatchObject({
      code: 'ASSET_UNSUPPORTED',
      message: expect.stringContaining('ignores Range') as string,
    });
    server.answerNext((_, response) => void response.writeHead(200).end(BYTES));
    await expect(open().read(20, 3, NEVER)).rejects.toMatchObject({ code: 'ASSET_UNSUPPORTED' });
  });

  test('a server that does not answer is given up after the time-out', async () => {
    server.answerNext(() => {});
    await expect(open({ timeoutMs: 60 }).read(0, 10, NEVER)).rejects.toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      message: expect.stringContaining('60 ms') as string,
    });
  });

  test('nobody there is an unavailable source', async () => {
    const source = open({}, 'http://127.0.0.1:1/a.tif');
    await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });
});

describe('what the HTTP source sends', () => {
  test('a range, the strong ETag from the second read on, and connections that are used again', async () => {
    const source = open();
    await source.read(0, 10, NEVER);
    await source.read(10, 10, NEVER);
    await source.read(20, 10, NEVER);
    expect(server.seen.map(({ range }) => range)).toEqual(['bytes=0-9', 'bytes=10-19', 'bytes=20-29']);
    expect(server.seen[0]!.ifMatch).toBeNull();
    expect(server.seen[1]!.ifMatch).toMatch(/^"[0-9a-f]{40}"$/u);
    expect(counters).toMatchObject({ readRequests: 3, bytesRead: 30 });
    for (let n = 0; n < 20; n += 1) await source.read(n, 10, NEVER);
    // A second one is opened where the first has not yet said that it is free.
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  test('failed attempts are tried again and counted; what cannot succeed is not', async () => {
    server.answerNext(status(500), status(503, { 'retry-after': '0' }), (_, response) => void response.destroy());
    const source = open({ retry: { attempts: 4, baseMs: 1, maxMs: 5 } });
    expect((await source.read(0, 10, NEVER)).length).toBe(10);
    expect(counters).toMatchObject({ readRequests: 4, bytesRead: 10 });
    server.answerNext(status(403));
    await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_FORBIDDEN' });
    expect(counters.readRequests).toBe(5);
  });
});

describe('redirects', () => {
  const to = (location: string): OddAnswer => status(302, { location });

  test('are followed, and every hop gets the range', async () => {
    server.answerNext(to('/b.tif?hop=1'), to(`${server.url}/a.tif`));
    expect([...(await open().read(7, 2, NEVER))]).toEqual([7, 8]);
    expect(server.seen.map(({ path, range }) => `${path} ${range}`)).toEqual([
      '/a.tif bytes=7-8',
      '/b.tif bytes=7-8',
      '/a.tif bytes=7-8',
    ]);
  });

  test('end somewhere', async () => {
    server.answerNext(...Array.from({ length: 9 }, () => to('/a.tif')));
    await expect(open().read(0, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_UNSUPPORTED' });
    expect(server.seen.length).toBe(6);
  });

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://[::ffff:169.254.169.254]/latest/',
    'http://[fe80::1]/',
    'file:///etc/passwd',
    's3://bucket/key',
  ])('do not lead to %s', async (location) => {
    server.answerNext(to(location));
    await expect(open().read(0, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_FORBIDDEN' });
    expect(server.seen.length).toBe(1);
  });

  test('do not lead to a host that is not allowed', async () => {
    server.answerNext(to('http://localhost:1/a.tif'));
    const source = open({ allowedHosts: ['127.0.0.1'] });
    await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_FORBIDDEN' });
  });
});

describe('the agent', () => {
  const made: Dispatcher[] = [];
  afterEach(() => Promise.all(made.splice(0).map((one) => one.destroy())));

  function agentWith(lookup: LookupFunction): Dispatcher {
    const one = createHttpAgent({ lookup });
    made.push(one);
    return one;
  }

  test('refuses a literal address before it connects', async () => {
    const reading = request('http://169.254.169.254/latest/', { dispatcher: agent });
    await expect(reading).rejects.toMatchObject({ code: ADDRESS_REFUSED });
  });

  test('checks what a name resolves to at every connection, so that a name may not change its address', async () => {
    const addresses = ['127.0.0.1', '169.254.169.254', '::ffff:169.254.169.254'];
    const lookup: LookupFunction = (_, __, callback) => {
      const address = addresses.shift() ?? '127.0.0.1';
      callback(null, [{ address, family: isIP(address) }]);
    };
    const rebinding = agentWith(lookup);
    const href = `${server.url.replace('127.0.0.1', 'scenes.example')}/a.tif`;
    const read = (): Promise<Uint8Array> => open({ agent: rebinding }, href).read(0, 10, NEVER);
    expect((await read()).length).toBe(10);
    server.closeConnections();
    await expect(read()).rejects.toMatchObject({ code: 'ASSET_FORBIDDEN' });
    await expect(read()).rejects.toMatchObject({ code: 'ASSET_FORBIDDEN' });
    expect((await read()).length).toBe(10);
  });

  test('refuses a name that has a good address and a refused one', async () => {
    const lookup: LookupFunction = (_, __, callback) => {
      callback(null, [
        { address: '127.0.0.1', family: 4 },
        { address: 'fe80::1', family: 6 },
      ]);
    };
    const mixed = agentWith(lookup);
    const source = open({ agent: mixed }, `${server.url.replace('127.0.0.1', 'scenes.example')}/a.tif`);
    await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_FORBIDDEN' });
    expect(server.seen.length).toBe(0);
  });

  test('says so when a name is not known', async () => {
    const lookup: LookupFunction = (_, __, callback) => {
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '');
    };
    const lost = agentWith(lookup);
    const source = open({ agent: lost }, 'http://scenes.example/a.tif');
    await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });
});

test('a weak ETag is compared, not sent', async () => {
  const weak =
    (tag: string): OddAnswer =>
    (request, response) => {
      response.setHeader('etag', tag);
      response.writeHead(206, { 'content-range': 'bytes 0-9/5000' }).end(BYTES.subarray(0, 10));
      expect(request.headers['if-match']).toBeUndefined();
    };
  server.answerNext(weak('W/"1"'), weak('W/"1"'), weak('W/"2"'));
  const source = open();
  await source.read(0, 10, NEVER);
  await source.read(0, 10, NEVER);
  await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_CHANGED' });
});

test('reads from one host keep to its limit', async () => {
  let running = 0;
  let most = 0;
  const slow: OddAnswer = (request, response) => {
    running += 1;
    most = Math.max(most, running);
    setImmediate(() => {
      running -= 1;
      answerRange(request, response, BYTES);
    });
  };
  server.answerNext(...Array.from({ length: 20 }, () => slow));
  const source = open({ concurrencyPerHost: 3 });
  await Promise.all(Array.from({ length: 20 }, (_, n) => source.read(n, 10, NEVER)));
  expect(most).toBeLessThanOrEqual(3);
  expect(counters.readRequests).toBe(20);
});
