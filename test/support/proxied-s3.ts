import type { S3Client } from '@aws-sdk/client-s3';
import { startFaultProxy } from './fault-proxy.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { startS3 } from './s3.ts';
import { createS3Client } from './s3-objects.ts';

/** An S3 server with a bucket, which this process finds by its environment, by way of a proxy that can disturb it. */
export interface ProxiedS3 extends AsyncDisposable {
  readonly proxy: FaultProxy;
  /** Asks the server itself. */
  readonly client: S3Client;
}

/** Starts it. Once it is disposed of, the environment is as before. */
export async function startProxiedS3(bucket: string): Promise<ProxiedS3> {
  const server = await startS3();
  const proxy = await startFaultProxy(server.endpoint);
  const client = createS3Client(server);
  const before = { ...process.env };
  Object.assign(process.env, server.env, { AWS_ENDPOINT_URL_S3: proxy.url });
  await server.createBucket(bucket);
  return {
    proxy,
    client,
    async [Symbol.asyncDispose]() {
      client.destroy();
      for (const name of Object.keys(server.env)) delete process.env[name];
      Object.assign(process.env, before);
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
