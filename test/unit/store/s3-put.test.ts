import { Readable } from 'node:stream';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { createS3Put } from '../../../src/store/s3-put.ts';

const NEVER = new AbortController().signal;

const SESSION = `<CreateSessionResult><Credentials><SessionToken>session</SessionToken><SecretAccessKey>hidden</SecretAccessKey>
<AccessKeyId>key</AccessKeyId><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>`;

interface Sent {
  readonly hostname: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
}

/** A client whose requests go nowhere, and those that it made. */
function createClient(config: S3ClientConfig = {}): { readonly client: S3Client; readonly sent: Sent[] } {
  const sent: Sent[] = [];
  const handle = async (request: Sent) => {
    sent.push(request);
    const body = Readable.from(request.query !== undefined && 'session' in request.query ? [Buffer.from(SESSION)] : []);
    return await Promise.resolve({ response: { statusCode: 200, headers: {}, body } });
  };
  const credentials = { accessKeyId: 'key', secretAccessKey: 'hidden-secret' };
  const requestHandler = { handle } as unknown as NonNullable<S3ClientConfig['requestHandler']>;
  return { client: new S3Client({ region: 'eu-central-1', credentials, requestHandler, ...config }), sent };
}

const isMadeBySdk = ({ headers }: Sent): boolean => 'amz-sdk-invocation-id' in headers;

test.each([
  { bucket: 'tiles', config: {}, hostname: 'tiles.s3.eu-central-1.amazonaws.com', root: '/' },
  { bucket: 'my.tiles', config: {}, hostname: 's3.eu-central-1.amazonaws.com', root: '/my.tiles/' },
  {
    bucket: 'tiles',
    config: { endpoint: 'https://objects.example.org/base', forcePathStyle: true },
    hostname: 'objects.example.org',
    root: '/base/tiles/',
  },
  {
    bucket: 'tiles',
    config: { useAccelerateEndpoint: true },
    hostname: 'tiles.s3-accelerate.amazonaws.com',
    root: '/',
  },
])('goes where the SDK goes: $hostname$root', async ({ bucket, config, hostname, root }) => {
  const { client, sent } = createClient(config);
  const put = createS3Put(client);
  const input = { Bucket: bucket, ContentType: 'image/png' };
  for (const key of ['a/1.png', 'a/2.png']) await put({ input, key, body: Buffer.from(key) }, NEVER);
  await client.send(new PutObjectCommand({ ...input, Key: 'a/2.png', Body: Buffer.from('a/2.png') }));
  expect(sent.map(isMadeBySdk)).toEqual([true, false, true]);
  expect(sent.map((request) => `${request.hostname}${request.path}`)).toEqual(
    ['a/1.png', 'a/2.png', 'a/2.png'].map((key) => `${hostname}${root}${key}`),
  );
});

test('of a bucket of S3 Express each is the work of the SDK, which asks for sessions', async () => {
  const { client, sent } = createClient();
  const put = createS3Put(client);
  const input = { Bucket: 'tiles--euc1-az1--x-s3', ContentType: 'image/png' };
  for (const key of ['a/1.png', 'a/2.png']) await put({ input, key, body: Buffer.from(key) }, NEVER);
  const puts = sent.filter(({ path }) => path !== '/');
  expect(puts.map(({ path }) => path)).toEqual(['/a/1.png', '/a/2.png']);
  expect(puts.map((request) => [isMadeBySdk(request), request.headers['x-amz-s3session-token']])).toEqual([
    [true, 'session'],
    [true, 'session'],
  ]);
});

test('what is refused with a region other than that of the bucket is the work of the SDK again', async () => {
  const { client, sent } = createClient();
  const put = createS3Put(client);
  const input = { Bucket: 'tiles', ContentType: 'image/png' };
  await put({ input, key: 'a/1.png', body: Buffer.from('1') }, NEVER);
  const handler = client.config.requestHandler;
  const { handle } = handler;
  handler.handle = async () => {
    handler.handle = handle;
    return await Promise.resolve({ response: { statusCode: 301, headers: {}, body: Readable.from([]) } as never });
  };
  await put({ input, key: 'a/2.png', body: Buffer.from('2') }, NEVER);
  expect(sent.map(isMadeBySdk)).toEqual([true, true]);
});
