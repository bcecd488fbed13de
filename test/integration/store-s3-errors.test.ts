import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openPipeline } from '../../jobs/pipeline.ts';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { parseConfig } from '../../src/config.ts';
import type { TilerError } from '../../src/errors.ts';
import { HostGate } from '../../src/host-gate.ts';
import { createIoCounters, SILENT } from '../../src/observe.ts';
import { openS3Store } from '../../src/store/s3-store.ts';
import type { PlainTileStore } from '../../src/store/tile-store.ts';
import { until } from '../support/processes.ts';
import { methodsOf, PASSING_REFUSALS, refusal, scriptedS3 } from '../support/scripted-s3.ts';
import type { Answer, ScriptedS3 } from '../support/scripted-s3.ts';

const NEVER = { signal: new AbortController().signal };
const TILE = { z: 3, x: 5, y: 2 };

const s3 = scriptedS3();

const methods = (): readonly string[] => methodsOf(s3);
const headersOf = (n: number): ScriptedS3['requests'][number]['headers'] | undefined => s3.requests[n]?.headers;

const SETTINGS = {
  extension: 'png',
  contentType: 'image/png',
  cacheControl: 'no-cache',
  forcePathStyle: true,
  counters: createIoCounters(),
};

async function openQuick(
  requestTimeoutMs = 5000,
  gate?: HostGate,
  checksum: 'auto' | 'off' = 'off',
): Promise<PlainTileStore> {
  const retry = { attempts: 3, baseMs: 1, maxMs: 5 };
  const options = { ...SETTINGS, retry, requestTimeoutMs, gate, checksum };
  return await openS3Store({ bucket: 'bucket', prefix: 'p' }, options, NEVER);
}

const put = (store: PlainTileStore): Promise<void> => store.put(TILE, new Uint8Array([1]), NEVER);

describe('S3 store, failures', () => {
  test.each([
    ...PASSING_REFUSALS,
    { status: 400, name: 'XAmzContentSHA256Mismatch', code: 'STORE_UNAVAILABLE' },
    { status: 400, name: 'BadDigest', code: 'STORE_UNAVAILABLE' },
  ])('$status $name is tried three times and then is $code', async ({ code, ...refused }) => {
    await using store = await openQuick();
    s3.answers = Array.from({ length: 3 }, () => refusal(refused.status, refused.name));
    await expect(put(store)).rejects.toMatchObject({
      code,
      message: expect.stringContaining('s3://bucket/p/3/5/2.png'),
    });
    expect(methods()).toEqual(['PUT', 'PUT', 'PUT']);
  });

  test.each([
    { status: 403, name: 'AccessDenied', code: 'STORE_FORBIDDEN' },
    { status: 401, name: 'Unauthorized', code: 'STORE_FORBIDDEN' },
    { status: 404, name: 'NoSuchBucket', code: 'STORE_FORBIDDEN' },
    { status: 400, name: 'InvalidRequest', code: 'STORE_FORBIDDEN' },
    { status: 412, name: 'PreconditionFailed', code: 'STORE_CONFLICT' },
  ])('$status $name is $code at once', async ({ code, ...refused }) => {
    await using store = await openQuick();
    s3.answers = [refusal(refused.status, refused.name)];
    await expect(put(store)).rejects.toMatchObject({ code, retry: 'never' });
    expect(methods()).toEqual(['PUT']);
  });

  test('goes on after a failure that passes', async () => {
    await using store = await openQuick();
    s3.answers = [refusal(503, 'SlowDown', { 'retry-after': '0' }), refusal(500, '')];
    await put(store);
    expect(methods()).toEqual(['PUT', 'PUT', 'PUT']);
  });

  test('a broken connection is tried again, and is unavailable in the end', async () => {
    await using store = await openQuick();
    const reset: Answer = (request) => request.socket.destroy();
    s3.answers = [reset];
    await put(store);
    s3.answers = [reset, reset, reset];
    await expect(put(store)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('a longer Retry-After than the store would wait is left to the queue', async () => {
    await using store = await openQuick();
    s3.answers = [refusal(503, 'SlowDown', { 'retry-after': '17' })];
    await expect(put(store)).rejects.toMatchObject({ code: 'STORE_THROTTLED', retry: { afterMs: 17_000 } });
    expect(methods()).toEqual(['PUT']);
  });

  test('a bucket that asks for a pause gets it from all stores of the process, and no request more', async () => {
    const gate = new HostGate();
    await using store = await openQuick(5000, gate);
    await using other = await openQuick(5000, gate);
    s3.answers = [refusal(503, 'SlowDown', { 'retry-after': '17' })];
    await expect(put(store)).rejects.toMatchObject({ code: 'STORE_THROTTLED', retry: { afterMs: 17_000 } });
    const waits: unknown = await other.get(TILE, NEVER).catch((error: unknown) => error);
    expect(waits).toMatchObject({ code: 'STORE_THROTTLED', message: expect.stringMatching(/^Reading s3.* are left$/) });
    expect((waits as TilerError).retryAfterMs).toBeGreaterThan(16_000);
    expect(methods()).toEqual(['PUT']);
    // Without Retry-After the pause is short, and the store waits for it by itself.
    await using third = await openS3Store({ bucket: 'third', prefix: '' }, { ...SETTINGS, gate }, NEVER);
    s3.answers = [refusal(503, 'SlowDown')];
    await put(third);
    expect(methods()).toEqual(['PUT', 'PUT', 'PUT']);
  });

  test('nothing is read for tiles of a bucket that is closed', async () => {
    const gate = new HostGate();
    const request = parseTilesetRequest({
      mosaic: { type: 'stac', url: 'http://127.0.0.1:9/search', query: {} },
      area: { bbox: [0, 0, 1, 1] },
      minzoom: 3,
      maxzoom: 3,
      assets: ['visual'],
      output: 's3://bucket/p',
    });
    const config = parseConfig({ TILEWRIGHT_S3_FORCE_PATH_STYLE: '1' });
    await using pipeline = await openPipeline(request, config, { ...NEVER, logger: SILENT, gate });
    gate.close({ host: 's3://bucket', closedMs: 60_000 });
    const work = {
      index: 0,
      metatile: { ...TILE, size: 1 },
      children: null,
      tiles: [TILE],
      parents: [],
      handedOn: null,
    };
    const failed: unknown = await pipeline.renderer
      .renderMetatile(work, async () => {}, NEVER)
      .catch((e: unknown) => e);
    expect(failed).toMatchObject({ code: 'STORE_THROTTLED', message: expect.stringContaining('s3://bucket/p: s3:') });
    expect(pipeline.counters).toMatchObject({ searches: 0 });
    expect(methods()).toEqual([]);
  });

  test('a body is signed by its SHA-256, which the server compares, and carries a CRC32 to be kept', async () => {
    await using store = await openQuick(5000, undefined, 'auto');
    await put(store);
    expect(headersOf(0)?.['x-amz-content-sha256']).toBe(
      createHash('sha256')
        .update(new Uint8Array([1]))
        .digest('hex'),
    );
    expect(headersOf(0)?.['x-amz-checksum-crc32']).toBe(Buffer.from('a505df1b', 'hex').toString('base64'));
    expect(headersOf(0)).not.toHaveProperty('x-amz-trailer');
  });

  test('a server that refuses the checksum gets objects without it', async () => {
    await using store = await openQuick(5000, undefined, 'auto');
    s3.answers = [refusal(501, 'NotImplemented')];
    await put(store);
    await put(store);
    expect(s3.requests.map(({ headers: sent }) => 'x-amz-checksum-crc32' in sent)).toEqual([true, false, false]);
  });

  test('encryption, storage class and who pays are said with each request that takes them', async () => {
    const settings = {
      requesterPays: true,
      encryption: 'aws:kms',
      kmsKeyId: 'alias/tiles',
      bucketKey: true,
      storageClass: 'STANDARD_IA',
      checksum: 'sha256',
    } as const;
    await using store = await openS3Store({ bucket: 'bucket', prefix: 'p' }, { ...SETTINGS, ...settings }, NEVER);
    await put(store);
    s3.answers = [(_, response) => response.writeHead(200, { 'content-length': '1' }).end('x')];
    await store.get(TILE, NEVER);
    await store.delete(TILE, NEVER);
    expect(headersOf(0)).toMatchObject({
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'alias/tiles',
      'x-amz-server-side-encryption-bucket-key-enabled': 'true',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-checksum-sha256': createHash('sha256')
        .update(new Uint8Array([1]))
        .digest('base64'),
    });
    expect(s3.requests.map(({ headers: sent }) => sent['x-amz-request-payer'])).toEqual([
      'requester',
      'requester',
      'requester',
    ]);
    // Whatever is not signed, a server must not believe.
    expect(headersOf(1)?.['authorization']).toContain('x-amz-request-payer');
  });

  test('requests are spaced where that is asked for', async () => {
    await using store = await openS3Store(
      { bucket: 'bucket', prefix: 'p' },
      { ...SETTINGS, requestsPerSecond: 50 },
      NEVER,
    );
    const controller = new AbortController();
    const warnings: string[] = [];
    const note = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', note);
    const puts = Array.from({ length: 500 }, () => store.put(TILE, new Uint8Array([1]), controller));
    const settled = Promise.allSettled(puts);
    await until('some requests', () => s3.requests.length >= 8);
    controller.abort();
    await settled;
    process.off('warning', note);
    // So many waits on one signal are no leak.
    expect(warnings).not.toContain('MaxListenersExceededWarning');
    // All would have been there with the first ones.
    expect(s3.requests.length).toBeLessThan(400);
  });

  test('a server that does not answer, or stops in the middle, is unavailable', async () => {
    await using store = await openQuick(50);
    s3.answers = [() => {}, () => {}, () => {}];
    await expect(put(store)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const stalls: Answer = (_, response) => response.writeHead(200, { 'content-length': '1000' }).write('part');
    s3.answers = [stalls, stalls, stalls];
    await expect(store.get(TILE, NEVER)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('no object is null, no bucket is an error', async () => {
    await using store = await openQuick();
    s3.answers = [refusal(404, 'NoSuchKey')];
    expect(await store.get(TILE, NEVER)).toBeNull();
    s3.answers = [refusal(404, 'NoSuchBucket')];
    await expect(store.get(TILE, NEVER)).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
  });

  test('an object larger than any tile is refused by its length', async () => {
    await using store = await openQuick();
    s3.answers = [(_, response) => response.writeHead(200, { 'content-length': String(2 ** 40) }).write('x')];
    await expect(store.get(TILE, NEVER)).rejects.toMatchObject({ code: 'BYTES_LIMIT' });
  });

  test('an abort ends a request under way, unwrapped', async () => {
    await using store = await openQuick();
    const controller = new AbortController();
    s3.answers = [() => controller.abort()];
    const aborted = store.put(TILE, new Uint8Array([1]), { signal: controller.signal });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    expect(methods()).toEqual(['PUT']);
  });

  test('messages keep the secret', async () => {
    await using store = await openQuick();
    s3.answers = [refusal(403, 'SignatureDoesNotMatch')];
    const error: unknown = await put(store).catch((error: unknown) => error);
    expect(JSON.stringify([error, String(error)])).not.toContain('hidden-secret');
  });
});
