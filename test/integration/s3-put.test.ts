import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { S3Objects } from '../../src/store/s3-objects.ts';
import type { S3ObjectsOptions } from '../../src/store/s3-objects.ts';
import { PASSING_REFUSALS, refusal, scriptedS3 } from '../support/scripted-s3.ts';
import type { Answer, ScriptedS3 } from '../support/scripted-s3.ts';

const NEVER = { signal: new AbortController().signal };
const PNG = { contentType: 'image/png', ...NEVER };
const RETRY = { attempts: 3, baseMs: 1, maxMs: 5 };

/** What differs from one request to the next although all is asked for alike; the SDK's are only in its own requests. */
const OWN = /^(authorization|x-amz-date|amz-sdk-.*)$/;

const s3 = scriptedS3();

function openObjects(options: Partial<S3ObjectsOptions> = {}, prefix = 'p'): S3Objects {
  const all = { forcePathStyle: true, counters: createIoCounters(), retry: RETRY, ...options };
  return new S3Objects({ bucket: 'bucket', prefix }, all);
}

const put = (objects: S3Objects, path: string, bytes = new Uint8Array([1]), contentType = 'image/png') =>
  objects.put(path, bytes, { contentType, ...NEVER });

/** True for what the SDK made from its input: one that was made like another lacks this. */
const isMadeBySdk = ({ headers }: ScriptedS3['requests'][number]): boolean => 'amz-sdk-invocation-id' in headers;

/** One that has put an object before, so that the next is made like it. */
async function openLater(options: Partial<S3ObjectsOptions> = {}): Promise<S3Objects> {
  const objects = openObjects({ checksum: 'off', ...options });
  await put(objects, '3/5/1.png');
  s3.requests = [];
  return objects;
}

const ALL = {
  requesterPays: true,
  encryption: 'aws:kms',
  kmsKeyId: 'alias/tiles',
  bucketKey: true,
  storageClass: 'STANDARD_IA',
} as const;

describe('objects put after others', () => {
  test.each([
    { of: 'plain', settings: {} },
    { of: 'with a SHA-256', settings: { checksum: 'sha256' as const } },
    { of: 'without a checksum', settings: { checksum: 'off' as const } },
    { of: 'with everything', settings: ALL },
  ])('are sent as the SDK sends them: $of', async ({ settings }) => {
    process.env['AWS_SESSION_TOKEN'] = 'token';
    await using objects = openObjects(settings);
    const tiles = ['3/5/1.png', '3/5/2.png', '12/2345/1234.png'];
    const bodies = tiles.map((_, n) => new Uint8Array(1000 * (n + 1)).fill(n));
    for (const [n, tile] of tiles.entries()) await put(objects, tile, bodies[n]);
    // Each again, by a store that begins with it.
    for (const [n, tile] of tiles.entries()) {
      await using whole = openObjects(settings);
      await put(whole, tile, bodies[n]);
    }
    delete process.env['AWS_SESSION_TOKEN'];
    const sent = s3.requests.map(({ method, path, headers }) => {
      const kept = Object.entries(headers).filter(([name]) => !OWN.test(name));
      return { method, path, headers: Object.fromEntries(kept) };
    });
    expect(s3.requests.map(isMadeBySdk)).toEqual([true, false, false, true, true, true]);
    expect(sent.slice(0, 3)).toStrictEqual(sent.slice(3));
    expect(s3.requests.every(({ headers }) => headers['x-amz-security-token'] === 'token')).toBe(true);
  });

  test('have their own path, hash and checksum', async () => {
    await using objects = openObjects({ checksum: 'sha256' });
    const bodies = [0, 1, 2].map((n) => new Uint8Array(10 + n).fill(n));
    for (const [n, body] of bodies.entries()) await put(objects, `3/5/${n}.png`, body);
    const sha256 = (body: Uint8Array, digits: 'hex' | 'base64'): string =>
      createHash('sha256').update(body).digest(digits);
    for (const [n, body] of bodies.entries()) {
      expect(s3.requests[n]).toMatchObject({
        path: `/bucket/p/3/5/${n}.png?x-id=PutObject`,
        headers: {
          'content-length': String(body.length),
          'x-amz-content-sha256': sha256(body, 'hex'),
          'x-amz-checksum-sha256': sha256(body, 'base64'),
        },
      });
    }
    expect(new Set(s3.requests.map(({ headers }) => headers['authorization'])).size).toBe(3);
  });

  test('are made anew where their headers differ, once for each kind', async () => {
    await using objects = openObjects();
    for (let round = 0; round < 2; round++) {
      await put(objects, `3/5/${round}.png`);
      await put(objects, 'tilejson.json', new Uint8Array([round]), 'application/json');
    }
    expect(s3.requests.map(isMadeBySdk)).toEqual([true, true, false, false]);
    const kinds = s3.requests.map(({ headers }) => `${headers['content-type']} ${headers['cache-control']}`);
    expect(kinds.slice(0, 2)).toEqual(kinds.slice(2));
    expect(new Set(kinds).size).toBe(2);
  });

  test('are made by the SDK where their key does not stand in a URL as it is', async () => {
    await using objects = openObjects({}, 'Höhe & Tiefe');
    await put(objects, '3/5/1.png');
    await put(objects, '3/5/2.png');
    expect(s3.requests.map(isMadeBySdk)).toEqual([true, true]);
    expect(s3.requests[1]?.path).toContain('/H%C3%B6he%20%26%20Tiefe/3/5/2.png');
  });

  test('are made by the SDK while its credentials are about to end', async () => {
    process.env['AWS_CREDENTIAL_EXPIRATION'] = new Date(Date.now() + 6 * 60_000 + 30_000).toISOString();
    await using objects = openObjects();
    for (const n of [1, 2]) await put(objects, `3/5/${n}.png`);
    process.env['AWS_CREDENTIAL_EXPIRATION'] = new Date(Date.now() + 60_000).toISOString();
    await using ending = openObjects();
    for (const n of [1, 2]) await put(ending, `3/5/${n}.png`);
    delete process.env['AWS_CREDENTIAL_EXPIRATION'];
    expect(s3.requests.map(isMadeBySdk)).toEqual([true, false, true, true]);
  });
});

describe('objects put after others, failures', () => {
  test.each(PASSING_REFUSALS)(
    '$status $name is tried three times and then is $code',
    async ({ status, name, code }) => {
      await using objects = await openLater();
      s3.answers = Array.from({ length: 3 }, () => refusal(status, name));
      const failure = put(objects, '3/5/2.png');
      await expect(failure).rejects.toMatchObject({
        code,
        message: expect.stringContaining('s3://bucket/p/3/5/2.png'),
      });
      await expect(failure).rejects.toThrow(name === '' ? '502' : `${status} ${name}: No: ${name}`);
      expect(s3.requests.map(isMadeBySdk)).toEqual([false, false, false]);
      await put(objects, '3/5/2.png');
      expect(s3.requests).toHaveLength(4);
    },
  );

  test('a pause that is asked for is told', async () => {
    await using objects = await openLater();
    s3.answers = [refusal(503, 'SlowDown', { 'retry-after': '17' })];
    await expect(put(objects, '3/5/2.png')).rejects.toMatchObject({ retry: { afterMs: 17_000 } });
    expect(s3.requests).toHaveLength(1);
  });

  test.each([
    { status: 403, name: 'ExpiredToken' },
    { status: 403, name: 'RequestTimeTooSkewed' },
    { status: 307, name: 'TemporaryRedirect' },
    { status: 400, name: 'InvalidRequest' },
  ])('$status $name is asked again by the SDK, with everything worked out anew', async ({ status, name }) => {
    await using objects = await openLater();
    s3.answers = [refusal(status, name)];
    await put(objects, '3/5/2.png');
    await put(objects, '3/5/3.png');
    expect(s3.requests.map(isMadeBySdk)).toEqual([false, true, false]);
  });

  test('what the SDK is refused too is the error', async () => {
    await using objects = await openLater();
    s3.answers = [refusal(403, 'AccessDenied'), refusal(403, 'AccessDenied')];
    await expect(put(objects, '3/5/2.png')).rejects.toMatchObject({ code: 'STORE_FORBIDDEN', retry: 'never' });
    expect(s3.requests).toHaveLength(2);
  });

  test('a broken connection, and an answer that breaks off, are tried again', async () => {
    await using objects = await openLater();
    const reset: Answer = (request) => request.socket.destroy();
    const torn: Answer = (request, response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('part', () => request.socket.destroy());
    };
    s3.answers = [reset, torn];
    await put(objects, '3/5/2.png');
    expect(s3.requests).toHaveLength(3);
    s3.answers = [torn, torn, torn];
    await expect(put(objects, '3/5/2.png')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('no answer, or one that does not end, is unavailable in time', async () => {
    await using objects = await openLater({ requestTimeoutMs: 1000 });
    s3.answers = [
      () => {},
      () => {},
      (_, response) => response.writeHead(200, { 'content-length': '9' }).write('part'),
    ];
    await expect(put(objects, '3/5/2.png')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(s3.requests).toHaveLength(3);
  });

  test('an abort ends it, unwrapped', async () => {
    await using objects = await openLater();
    const controller = new AbortController();
    s3.answers = [() => controller.abort()];
    const { signal } = controller;
    const aborted = objects.put('3/5/2.png', new Uint8Array([1]), { ...PNG, signal });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    expect(s3.requests).toHaveLength(1);
  });
});
