import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { findCommand } from './s3.ts';

const run = promisify(execFile);

const START_DEADLINE_MS = 30_000;
const FOLDERS = ['/usr/bin', '/usr/local/bin', '/usr/sbin'];

const HOW_TO_GET_ONE = `No Redis for the tests was found, and none could be installed. Any of these helps:
  - set REDIS_URL to a running one (tests use keys of their own and remove them)
  - put redis-server or valkey-server on the PATH (Debian: apt-get install redis-server)
  - run the tests as root on Debian, so that it can be installed`;

/** A real Redis or Valkey. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  /** `REDIS_URL`, and a prefix of keys that no other test has. */
  readonly env: Readonly<Record<string, string>>;
}

/** Takes the Redis that `REDIS_URL` names, or starts one on a free port of the loopback that writes nothing to disk. */
export async function startRedis(): Promise<RedisServer> {
  const prefix = `test-${randomUUID()}`;
  const given = process.env['REDIS_URL'];
  if (given !== undefined && given !== '') return serverAt(given, prefix, () => removeKeys(given, prefix));
  const own = await createOwnRedis({ appendOnly: false });
  await own.start();
  return serverAt(own.url, prefix, async () => own[Symbol.asyncDispose]());
}

/** A Redis of the test's own, which it may kill and start again on the same port. */
export interface OwnRedis extends RedisServer {
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Prepares a Redis without starting it. With `appendOnly` it keeps every write over a SIGKILL. */
export async function createOwnRedis({ appendOnly }: { readonly appendOnly: boolean }): Promise<OwnRedis> {
  const command = await findServer();
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-redis-'));
  const url = `redis://127.0.0.1:${port}`;
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const keep = appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  let child: ChildProcess | null = null;
  const kill = async (): Promise<void> => {
    if (child !== null) await stopChild(child);
    child = null;
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    ...serverAt(url, `test-${randomUUID()}`, stop),
    kill,
    async start() {
      child = spawn(command, [...args, ...keep, '--maxmemory-policy', 'noeviction'], { stdio: 'ignore' });
      await untilAnswering(url, child).catch(async (error: unknown) => {
        await stop();
        throw error;
      });
    },
  };
}

function serverAt(url: string, prefix: string, stop: () => Promise<void>): RedisServer {
  return { url, env: { REDIS_URL: url, TILEWRIGHT_QUEUE_PREFIX: prefix }, [Symbol.asyncDispose]: stop };
}

async function findServer(): Promise<string> {
  const search = async (): Promise<string | null> =>
    (await findCommand('redis-server', FOLDERS)) ?? (await findCommand('valkey-server', FOLDERS));
  const found = await search();
  if (found !== null) return found;
  if (process.getuid?.() !== 0) throw new Error(HOW_TO_GET_ONE);
  try {
    process.stderr.write('Installing redis-server for the tests (once) …\n');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update'], { timeout: 300_000, env });
    await run('apt-get', ['install', '--yes', '--no-install-recommends', 'redis-server'], { timeout: 300_000, env });
  } catch (error) {
    throw new Error(`${HOW_TO_GET_ONE}\n(${String(error).slice(0, 500)})`, { cause: error });
  }
  const installed = await search();
  if (installed === null) throw new Error(HOW_TO_GET_ONE);
  return installed;
}

async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (performance.now() < deadline && child.exitCode === null) {
    const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
    redis.on('error', () => {});
    const answer = await redis
      .connect()
      .then(() => redis.ping())
      .catch(() => null);
    redis.disconnect();
    if (answer === 'PONG') return;
    await sleep(20);
  }
  throw new Error(`The Redis at ${url} did not answer within ${START_DEADLINE_MS} ms`);
}

async function removeKeys(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url);
  try {
    for await (const keys of redis.scanStream({ match: `{${prefix}}:*`, count: 1000 })) {
      const names = keys as string[];
      if (names.length > 0) await redis.del(...names);
    }
  } finally {
    redis.disconnect();
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
