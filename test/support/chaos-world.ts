import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { openQueues } from '../../jobs/queue/queues.ts';
import type { Queues } from '../../jobs/queue/queues.ts';
import { parseConfig } from '../../src/config.ts';
import { startFaultProxy } from './fault-proxy.ts';
import type { FaultProxy } from './fault-proxy.ts';
import { assertExit, runCli } from './processes.ts';
import { createOwnRedis } from './redis.ts';
import type { OwnRedis } from './redis.ts';
import { startRustac } from './rustac.ts';
import { startS3 } from './s3.ts';
import { createS3Client, objectsOf } from './s3-objects.ts';
import { startAll } from './server-process.ts';
import { filesOf, startSmallWorld } from './small-world.ts';
import type { SmallWorld } from './small-world.ts';

/** All that a run of the queue needs, real, and what stands between it and its servers. */
export interface ChaosWorld extends AsyncDisposable {
  readonly scenes: SmallWorld;
  readonly redis: OwnRedis;
  /** Before the S3 server that tiles go to. */
  readonly s3: FaultProxy;
  /** Before the STAC API that scenes are searched at. */
  readonly stac: FaultProxy;
  /** For workers and for the command line. */
  readonly env: Readonly<Record<string, string>>;
  readonly prefix: string;
  /** A look at Redis of its own. */
  readonly look: Redis;
  readonly queues: Queues;
  /** Writes the request to a file; its tiles go to a prefix of the bucket, or to a folder. */
  request(name: string, kind: 's3' | 'folder'): Promise<string>;
  /** Seeds a run to a prefix of the bucket and gives its name. */
  seed(name: string): Promise<string>;
  readonly bucket: string;
  /** Asks the S3 server itself, past the proxy. */
  readonly client: S3Client;
  /** Path and SHA-256 of all objects of an output in the bucket. */
  objects(name: string): Promise<readonly string[]>;
  /** What one process renders of the same request with nothing disturbed. */
  undisturbed(): Promise<readonly string[]>;
}

export interface ChaosWorldOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Fields of the request. */
  readonly request: Readonly<Record<string, unknown>>;
}

/**
 * Starts a Redis that keeps every write, an S3 server and a STAC API behind proxies, and four scenes that are served over
 * HTTP.
 */
export async function startChaosWorld(options: ChaosWorldOptions): Promise<ChaosWorld> {
  const [scenes, server, redis] = await startAll(startSmallWorld(), startS3(), createOwnRedis({ appendOnly: true }));
  const [rustac] = await startAll(
    startRustac(await itemsOf(scenes)),
    redis.start().then(() => redis),
  );
  const [s3, stac] = await startAll(startFaultProxy(server.endpoint), startFaultProxy(rustac.url));
  const bucket = `chaos-${randomUUID()}`;
  await server.createBucket(bucket);
  const env = {
    ...redis.env,
    ...server.env,
    AWS_ENDPOINT_URL_S3: s3.url,
    TILEWRIGHT_S3_FORCE_PATH_STYLE: '1',
    ...options.env,
  };
  const config = parseConfig(env);
  const queues = await openQueues(config);
  const look = new Redis(redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  // It is away for a while.
  for (const emitter of [look, queues.runQueue, queues.metatileQueue]) emitter.on('error', () => {});
  const client: S3Client = createS3Client(server);
  const request = (name: string, kind: 's3' | 'folder'): Promise<string> =>
    scenes.request({
      mosaic: { type: 'stac', url: `${stac.url}/search`, query: { collections: ['scenes'] } },
      output: kind === 's3' ? `s3://${bucket}/${name}` : name,
      ...options.request,
    });
  return {
    scenes,
    redis,
    s3,
    stac,
    env,
    prefix: config.queue.prefix,
    look,
    queues,
    bucket,
    client,
    request,
    async seed(name) {
      const finished = await runCli(['seed', await request(name, 's3'), '--json'], { env });
      assertExit(finished, 0);
      return (JSON.parse(finished.stdout.trim().split('\n').at(-1) ?? '') as { readonly run: string }).run;
    },
    objects: (name) => objectsOf(client, bucket, name),
    async undisturbed() {
      assertExit(await runCli(['render', await request('undisturbed', 'folder'), '--processes', '1'], { env }), 0);
      return await filesOf(join(scenes.folder, 'undisturbed'));
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      look.disconnect();
      await queues[Symbol.asyncDispose]();
      for (const part of [s3, stac, rustac, server, redis, scenes]) await part[Symbol.asyncDispose]();
    },
  };
}

async function itemsOf({ stac }: SmallWorld): Promise<readonly unknown[]> {
  const answer = await fetch(stac.searchUrl, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ limit: 100 }),
  });
  const { features } = (await answer.json()) as { readonly features: readonly unknown[] };
  return features;
}
