import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { S3Client } from '@aws-sdk/client-s3';
import { createHttpAgent } from '../../src/cog/http-agent.ts';
import { createRangeSourceOpener } from '../../src/cog/open-range-source.ts';
import type { OpenRangeSource } from '../../src/cog/range-source.ts';
import { createIoCounters } from '../../src/observe.ts';
import { startRangeServer } from '../support/range-server.ts';
import { createMemorySource, type MemoryFile } from '../support/recording-source.ts';
import { describeRangeSource, type RangeSourcePlace } from './range-source.contract.ts';

interface Reach {
  readonly fileRoot?: string;
  readonly s3Endpoint?: string;
}

/** Every source is opened as the program opens it, with its middleware. */
function createOpener({ fileRoot, s3Endpoint }: Reach): AsyncDisposable & { readonly open: OpenRangeSource } {
  const agent = createHttpAgent();
  const client = new S3Client({
    endpoint: s3Endpoint ?? 'http://127.0.0.1:1',
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: 'reader', secretAccessKey: 'reader' },
  });
  const open = createRangeSourceOpener({
    counters: createIoCounters(),
    agent,
    fileRoot: fileRoot ?? null,
    allowedHosts: null,
    s3Client: () => client,
    retry: { attempts: 1, baseMs: 0, maxMs: 0 },
  });
  return {
    open,
    async [Symbol.asyncDispose]() {
      client.destroy();
      await agent.close();
    },
  };
}

describeRangeSource('memory', async (bytes): Promise<RangeSourcePlace> => {
  const file: MemoryFile = { bytes };
  return {
    open: () => createMemorySource(file),
    async replace(other) {
      file.bytes = other;
    },
    async [Symbol.asyncDispose]() {},
  };
});

describeRangeSource('file', async (bytes): Promise<RangeSourcePlace> => {
  const fileRoot = await mkdtemp(join(tmpdir(), 'tilewright-range-source-'));
  const path = join(fileRoot, 'a scene.tif');
  await writeFile(path, bytes);
  const opener = createOpener({ fileRoot });
  return {
    open: () => opener.open(`${pathToFileURL(path).href}?signature=secret`),
    replace: (other) => (other === null ? rm(path) : writeFile(path, other)),
    async [Symbol.asyncDispose]() {
      await opener[Symbol.asyncDispose]();
      await rm(fileRoot, { recursive: true });
    },
  };
});

describeRangeSource('http', async (bytes): Promise<RangeSourcePlace> => {
  const server = await startRangeServer();
  server.put('/a%20scene.tif', bytes);
  const opener = createOpener({});
  return {
    open: () => opener.open(`${server.url}/a%20scene.tif?signature=secret`),
    async replace(other) {
      server.put('/a%20scene.tif', other);
    },
    async [Symbol.asyncDispose]() {
      await opener[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});

// The client and the protocol are the real ones; a real store runs the same contract in the integration tests.
describeRangeSource('s3 client on a range server', async (bytes): Promise<RangeSourcePlace> => {
  const server = await startRangeServer();
  server.put('/bucket/a%20scene.tif', bytes);
  const opener = createOpener({ s3Endpoint: server.url });
  return {
    open: () => opener.open('s3://bucket/a scene.tif'),
    async replace(other) {
      server.put('/bucket/a%20scene.tif', other);
    },
    async [Symbol.asyncDispose]() {
      await opener[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
});
