import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cleanLocalRuns } from '../../jobs/local/local-clean.ts';
import { localPathsOf, localPlaceOf } from '../../jobs/local/local-files.ts';
import { parseConfig } from '../../src/config.ts';
import { createIoCounters } from '../../src/observe.ts';
import { S3Objects } from '../../src/store/s3-objects.ts';
import { methodsOf, refusal, scriptedS3 } from '../support/scripted-s3.ts';
import type { Answer } from '../support/scripted-s3.ts';

const NEVER = { signal: new AbortController().signal };
const RUN = '0123456789abcdef-1';
const SETTINGS = { forcePathStyle: true, counters: createIoCounters() };

const s3 = scriptedS3();

const methods = (): readonly string[] => methodsOf(s3);

describe('lists of objects in S3', () => {
  test('clean asks as the store does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tilewright-clean-'));
    try {
      const place = localPlaceOf('s3://bucket/p', folder);
      await writeFile(localPathsOf(place, RUN).journal, '');
      const env = { TILEWRIGHT_S3_FORCE_PATH_STYLE: 'true', TILEWRIGHT_S3_REQUESTER_PAYS: 'true' };
      // Of the manifest; the rest is lists of nothing.
      s3.answers = [refusal(404, 'NoSuchKey')];
      expect(await cleanLocalRuns(place, { config: parseConfig(env), olderThanMs: 0 })).toEqual([RUN]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    expect(s3.requests.length).toBeGreaterThan(2);
    expect(new Set(s3.requests.map(({ headers: sent }) => sent['x-amz-request-payer']))).toEqual(
      new Set(['requester']),
    );
  });

  test('a folder is deleted with a request for each object; one that is refused is named, and nothing goes on', async () => {
    const count = 60;
    const keys = Array.from({ length: count }, (_, n) => `<Contents><Key>p/old/${n}</Key></Contents>`).join('');
    const listing: Answer = (_, response) =>
      response
        .writeHead(200, { 'content-type': 'application/xml' })
        .end(`<ListBucketResult>${keys}</ListBucketResult>`);
    const options = { ...SETTINGS, retry: { attempts: 1, baseMs: 1, maxMs: 1 } };
    await using objects = new S3Objects({ bucket: 'bucket', prefix: 'p' }, options);
    s3.answers = [listing];
    await objects.deleteAll('old', NEVER);
    expect(methods()).toEqual(['GET', ...Array.from({ length: count }, () => 'DELETE')]);

    s3.requests = [];
    s3.answers = [listing, refusal(403, 'AccessDenied')];
    await expect(objects.deleteAll('old', NEVER)).rejects.toMatchObject({
      code: 'STORE_FORBIDDEN',
      message: expect.stringMatching(/s3:\/\/bucket\/p\/old\/\d+/),
    });
    const before = [...methods()];
    expect(before.length).toBeLessThan(count);
    s3.answers = [refusal(404, 'NoSuchKey')];
    expect(await objects.get('new', NEVER)).toBeNull();
    expect(methods()).toEqual([...before, 'GET']);
  });

  test('a list that goes on nobody knows where is an error, not the end of the list', async () => {
    const page = '<Contents><Key>p/a</Key></Contents><IsTruncated>true</IsTruncated>';
    s3.answers = [
      (_, response) =>
        response
          .writeHead(200, { 'content-type': 'application/xml' })
          .end(`<ListBucketResult>${page}</ListBucketResult>`),
    ];
    await using objects = new S3Objects({ bucket: 'bucket', prefix: 'p' }, SETTINGS);
    const listed: string[] = [];
    const list = async (): Promise<void> => {
      for await (const path of objects.list('', NEVER)) listed.push(path);
    };
    await expect(list()).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
    expect(listed).toEqual(['a']);
    expect(methods()).toEqual(['GET']);
  });
});
