import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createS3Client } from '../../src/s3-client.ts';

const ENV = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret' };

let before: NodeJS.ProcessEnv;

beforeEach(() => {
  before = { ...process.env };
  Object.assign(process.env, ENV);
});

afterEach(() => {
  for (const name of [...Object.keys(ENV), 'AWS_ENDPOINT_URL_S3']) delete process.env[name];
  Object.assign(process.env, before);
});

test('every request has its time-outs', async () => {
  let requests = 0;
  const server = createServer(() => void requests++).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.env['AWS_ENDPOINT_URL_S3'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createS3Client({ forcePathStyle: true, requestTimeoutMs: 50, maxSockets: 3 });
  try {
    await expect(client.send(new GetObjectCommand({ Bucket: 'bucket', Key: 'key' }))).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect(requests).toBe(1);
    const handler = client.config.requestHandler as NodeHttpHandler;
    expect(handler).toBeInstanceOf(NodeHttpHandler);
    const { connectionTimeout, requestTimeout, httpAgent, httpsAgent } = handler.httpHandlerConfigs();
    expect({ connectionTimeout, requestTimeout }).toStrictEqual({ connectionTimeout: 5000, requestTimeout: 50 });
    expect([httpAgent, httpsAgent]).toMatchObject([{ maxSockets: 3 }, { maxSockets: 3 }]);
  } finally {
    client.destroy();
    server.closeAllConnections();
    server.close();
  }
});
