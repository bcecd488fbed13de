import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, expect, test } from 'vitest';
import { partRulesOf, watchHost } from '../../../src/store/s3-server.ts';

const SET = { equalParts: false, copyParts: true };
const before = { ...process.env };

afterEach(() => {
  delete process.env['AWS_ENDPOINT_URL_S3'];
  Object.assign(process.env, before);
});

test.each([
  ['https://0123456789abcdef.eu.r2.cloudflarestorage.com', { equalParts: true, copyParts: true }],
  ['https://storage.googleapis.com', { equalParts: false, copyParts: false }],
  ['https://r2.cloudflarestorage.com.example.test', SET],
  ['http://127.0.0.1:9000', SET],
  [undefined, SET],
])('parts at %s', async (endpoint, expected) => {
  if (endpoint !== undefined) process.env['AWS_ENDPOINT_URL_S3'] = endpoint;
  const credentials = { accessKeyId: 'key', secretAccessKey: 'hidden' };
  const requestHandler = { handle: () => Promise.reject(new Error('nobody is asked')) };
  const client = new S3Client({ region: 'auto', credentials, maxAttempts: 1, requestHandler });
  const hostOf = watchHost(client);
  await expect(client.send(new HeadBucketCommand({ Bucket: 'bucket' }))).rejects.toThrow('nobody is asked');
  expect(partRulesOf(hostOf(), SET)).toStrictEqual(expected);
  client.destroy();
});

test('what was set is not taken back', () => {
  const set = { equalParts: true, copyParts: false };
  expect(partRulesOf('s3.eu-central-1.amazonaws.com', set)).toStrictEqual(set);
});
