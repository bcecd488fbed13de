import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { findCommand, installDebianPackages } from './install.ts';
import { freePort, startServer } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';

const NAMES = ['redis-server', 'valkey-server'];
/** Where Debian puts servers is not on every user's PATH. */
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
  readonly port: number;
  /** What it keeps goes here; removed with it. */
  readonly folder: string;
  start(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP: it answers nothing, and closes no connection. */
  halt(): void;
}

export interface OwnRedisOptions {
  readonly appendOnly: boolean;
  /** A server program other than the one that is found. */
  readonly command?: string;
  /** Further arguments, which go over those of every server. */
  readonly args?: (own: { readonly folder: string; readonly port: number }) => readonly string[];
  /** How the server is known to be up, if not by an anonymous PING. */
  readonly isAnswering?: (port: number) => Promise<boolean>;
}

/** Prepares a Redis without starting it. With `appendOnly` it keeps every write over a SIGKILL. */
export async function createOwnRedis(options: OwnRedisOptions): Promise<OwnRedis> {
  const command = options.command ?? (await findRedisServer());
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-redis-'));
  const url = `redis://127.0.0.1:${port}`;
  const keep = options.appendOnly ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const address = ['--port', String(port), '--bind', '127.0.0.1'];
  const memory = ['--save', '', '--maxmemory-policy', 'noeviction'];
  const program = {
    name: `The Redis at ${url}`,
    command,
    args: [...address, ...keep, ...memory, '--dir', folder, ...(options.args?.({ folder, port }) ?? [])],
    isAnswering: () => options.isAnswering?.(port) ?? answersPing(url),
  };
  let server: ServerProcess | null = null;
  const kill = async (): Promise<void> => {
    await server?.stop('SIGKILL');
    server = null;
  };
  const stop = async (): Promise<void> => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    ...serverAt(url, `test-${randomUUID()}`, stop),
    port,
    folder,
    kill,
    halt: () => server?.halt(),
    async start() {
      server = await startServer(program).catch(async (error: unknown) => {
        await stop();
        throw error;
      });
    },
  };
}

function serverAt(url: string, prefix: string, stop: () => Promise<void>): RedisServer {
  return { url, env: { REDIS_URL: url, TILEWRIGHT_QUEUE_PREFIX: prefix }, [Symbol.asyncDispose]: stop };
}

/** The path of a Redis or Valkey server, which is installed if there is none and that is possible. */
export async function findRedisServer(): Promise<string> {
  const found = await findCommand(NAMES, FOLDERS);
  if (found !== null) return found;
  try {
    await installDebianPackages('redis-server');
  } catch (error) {
    throw new Error(`${HOW_TO_GET_ONE}\n(${String(error)})`, { cause: error });
  }
  const installed = await findCommand(NAMES, FOLDERS);
  if (installed === null) throw new Error(HOW_TO_GET_ONE);
  return installed;
}

/** True once a server answers PING. */
export async function answersPing(url: string, options: Omit<RedisOptions, 'replyMapping'> = {}): Promise<boolean> {
  const redis = new Redis(url, { ...options, lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => {});
  const answer = await redis
    .connect()
    .then(() => redis.ping())
    .catch(() => null);
  redis.disconnect();
  return answer === 'PONG';
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
