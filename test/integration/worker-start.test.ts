import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../support/build.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { childrenOf, startCli, until } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { freePort } from '../support/server-process.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

const WORKER_ENTRY = join(PROJECT_FOLDER, 'dist', 'workers', 'main.js');

let redis: RedisServer;
let folder: string;

beforeAll(async () => {
  redis = await startRedis();
  folder = await mkdtemp(join(tmpdir(), 'tilewright-start-'));
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('a fleet that is told to end while it starts ends with 0', async () => {
  await using fleet = startCli(['worker', '--processes', '2'], { env: redis.env });
  await until('its processes', async () => (await childrenOf(fleet.pid)).length === 2);
  fleet.kill('SIGTERM');
  expect((await fleet.finished).code).toBe(0);
});

test.each(['worker', 'render'])('a %s process whose parent dies while it starts ends by itself', async (role) => {
  const child = fork(WORKER_ENTRY, role === 'render' ? [role] : [], {
    env: { ...process.env, ...redis.env },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const exited = once(child, 'exit', { signal: AbortSignal.timeout(30_000) });
  child.disconnect();
  try {
    expect(await exited).toStrictEqual([role === 'render' ? 1 : 0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a worker process that is told to end while it loads its packages takes nothing, and ends with 0', async () => {
  const path = join(folder, 'end-at-start.mjs');
  // The signal comes as soon as it would not end a process by itself.
  await writeFile(
    path,
    `process.on('newListener', (name) => {
       if (name === 'SIGTERM') setImmediate(() => process.kill(process.pid, 'SIGTERM'));
     });`,
  );
  const env = { ...redis.env, NODE_OPTIONS: `--import ${pathToFileURL(path).href}` };
  await using worker = startWorkerProcess({ env });
  expect(await worker.exited).toBe(0);
  const messages = [...worker.log().matchAll(/"msg":"([^"]*)"/g)].map(([, text]) => text);
  expect(messages).toStrictEqual(['worker stopping', 'worker stopped']);
});

test('a worker process on its own answers for its metrics from its first answer on', async () => {
  const address = `127.0.0.1:${await freePort()}`;
  await using worker = startWorkerProcess({ env: { ...redis.env, TILEWRIGHT_METRICS_LISTEN: address } });
  const statuses = new Set<number>();
  await until('the worker to be ready', async () => {
    const answer = await fetch(`http://${address}/metrics`, { signal: AbortSignal.timeout(10_000) }).catch(() => null);
    statuses.add(answer?.status ?? 0);
    await answer?.text();
    return worker.log().includes('"worker ready"');
  });
  // 0 = nobody listened yet.
  expect([...statuses]).toEqual([0, 200]);
});
