import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { REDIS_COMMANDS, inspectInfo, leastRights } from '../../../../jobs/queue/redis-check.ts';
import { describeRedisFault, isLastingFault } from '../../../../jobs/queue/redis-faults.ts';
import { createRedis, shownAddress } from '../../../../jobs/queue/redis-options.ts';
import { parseConfig } from '../../../../src/config.ts';
import type { Environment } from '../../../../src/config.ts';
import { PROJECT_FOLDER } from '../../../support/build.ts';

/** The client for an environment; it does not connect. */
function clientOf(env: Environment): Redis | Cluster {
  return createRedis(parseConfig(env).redis, { retryWaitMs: () => null, lazyConnect: true });
}

function redisOf(env: Environment): Redis {
  const client = clientOf(env);
  if (client instanceof Redis) return client;
  throw new Error('found a Cluster, expected a Redis');
}

describe('the client', () => {
  test('one server, with an ACL user, a database and characters that a URL cannot hold', () => {
    const { options } = redisOf({ REDIS_URL: 'redis://tiler:p%40%2Fs%20s@redis.test/3' });
    expect(options).toMatchObject({ host: 'redis.test', port: 6379, username: 'tiler', password: 'p@/s s', db: 3 });
    expect(options.tls).toBeUndefined();
    // What BullMQ's workers need, also in the copies that they make.
    expect(options.maxRetriesPerRequest).toBeNull();
  });

  test('an IPv6 address, TLS, and a password without a user', () => {
    const { options } = redisOf({ REDIS_URL: 'rediss://:secret@[::1]:7000' });
    expect(options).toMatchObject({ host: '::1', port: 7000, password: 'secret', tls: {} });
    expect(options.username).toBeFalsy();
  });

  test('a cluster: nodes with their ports, one user for all of them, copies as patient as the first', () => {
    const client = clientOf({
      REDIS_URL: 'rediss://tiler:secret@a.test:7000,rediss://b.test',
      TILEWRIGHT_REDIS_MODE: 'cluster',
    });
    if (!(client instanceof Cluster)) throw new Error('expected a Cluster');
    const copy = client.duplicate();
    for (const { options } of [client, copy]) {
      expect(options.redisOptions).toMatchObject({ username: 'tiler', password: 'secret', tls: {} });
      expect(options.redisOptions?.maxRetriesPerRequest).toBeNull();
      expect(options.scaleReads).toBe('master');
    }
    client.disconnect();
    copy.disconnect();
  });

  test.each([
    ['same', 'secret'],
    ['none', undefined],
  ])('Sentinels with the credentials of their primary: %s', (auth, password) => {
    const { options } = redisOf({
      REDIS_URL: 'rediss://:secret@a.test,rediss://b.test:7001',
      TILEWRIGHT_REDIS_MODE: 'sentinel',
      TILEWRIGHT_REDIS_SENTINEL_NAME: 'tiles',
      TILEWRIGHT_REDIS_SENTINEL_AUTH: auth,
    });
    expect(options).toMatchObject({
      name: 'tiles',
      sentinels: [
        { host: 'a.test', port: 26_379 },
        { host: 'b.test', port: 7001 },
      ],
      password: 'secret',
      tls: {},
      sentinelTLS: {},
      enableTLSForSentinelMode: true,
    });
    expect(options.sentinelPassword).toBe(password);
  });

  test.each<[string, Environment, string]>([
    ['several servers', { REDIS_URL: 'redis://a.test,redis://b.test' }, 'found 2 addresses, expected one, or TILEWRI'],
    ['TLS for some', { REDIS_URL: 'redis://a.test,rediss://b.test' }, 'expected redis: or rediss: for all of them'],
    ['a database of a cluster', { REDIS_URL: 'redis://a.test/2', TILEWRIGHT_REDIS_MODE: 'cluster' }, 'no database'],
    ['no CA file', { REDIS_URL: 'rediss://a.test', TILEWRIGHT_REDIS_CA_FILE: '/nowhere/ca.crt' }, 'ENOENT'],
    ['no port', { REDIS_URL: 'redis://u:secret@a.test:99999' }, 'redis://***@a.test:99999, expected redis://[USER'],
  ])('%s is refused', (_, env, message) => {
    const attempt = (): Redis | Cluster => clientOf(env);
    expect(attempt).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(attempt).toThrow(message);
    expect(attempt).not.toThrow('secret');
  });

  test.each([
    'redis://:pa/ss@a.test',
    'redis://a.test?password=x',
    'redis://a.test/x',
    'redis://a.test,,redis://b.test',
  ])('%s is no address, and no password of it is shown', (REDIS_URL) => {
    const attempt = (): unknown => parseConfig({ REDIS_URL });
    expect(attempt).toThrow('REDIS_URL: found');
    expect(attempt).not.toThrow(/pa\/ss|password=x/);
  });

  test('addresses are shown without users and passwords', () => {
    const urls = ['redis://u:p@a.test:1', 'redis://b.test'];
    expect(shownAddress({ urls })).toBe('redis://***@a.test:1,redis://b.test');
  });
});

describe('what a server says of itself', () => {
  const info = (fields: Readonly<Record<string, string>>): string =>
    Object.entries({ redis_version: '7.0.15', redis_mode: 'standalone', ...fields })
      .map(([name, value]) => `${name}:${value}`)
      .join('\r\n');

  test.each(['6.2.0', '6.10.1', '7.0.15', '10.0.0', ''])('version %s will do', (version) => {
    expect(inspectInfo(info({ redis_version: version }), 'single')).toStrictEqual({ problems: [], warnings: [] });
  });

  test.each(['5.0.14', '6.0.16', '3.2.0'])('version %s is too old', (version) => {
    const { problems } = inspectInfo(info({ redis_version: version }), 'single');
    expect(problems).toStrictEqual([`found version ${version}, expected 6.2 or newer`]);
  });

  test('a Sentinel and a node of a cluster are no single server', () => {
    expect(inspectInfo(info({ redis_mode: 'sentinel' }), 'single').problems[0]).toMatch(/^found a Sentinel, expected /);
    expect(inspectInfo(info({ redis_mode: 'cluster' }), 'single').problems[0]).toMatch(/^found a node of a Redis Clus/);
    expect(inspectInfo(info({ redis_mode: 'cluster' }), 'cluster').problems).toStrictEqual([]);
  });

  test('one that drops keys when it is full is warned of', () => {
    const { problems, warnings } = inspectInfo(info({ maxmemory_policy: 'volatile-lru' }), 'single');
    expect(problems).toStrictEqual([]);
    expect(warnings).toStrictEqual([expect.stringContaining('maxmemory-policy volatile-lru')]);
  });
});

describe('faults', () => {
  test.each([
    ['WRONGPASS invalid username-password pair', 'the user or the password is wrong', true],
    ['NOAUTH Authentication required.', 'it asks for a password', true],
    ['ERR This instance has cluster support disabled', 'this is no Redis Cluster', true],
    [
      'connected to sentinel 10.0.0.1:26379 successfully, but got an invalid reply: null',
      'the Sentinels know no',
      true,
    ],
    ['self-signed certificate in certificate chain', 'its certificate is not trusted', true],
    ['connect ECONNREFUSED 127.0.0.1:6379', 'connect ECONNREFUSED 127.0.0.1:6379', false],
    ['CLUSTERDOWN The cluster is down', 'the cluster does not serve all of its slots', false],
  ])('%s', (message, meaning, lasts) => {
    expect(describeRedisFault(new Error(message))).toContain(meaning);
    expect(describeRedisFault(new Error(message))).toContain(message);
    expect(isLastingFault(new Error(message))).toBe(lasts);
  });

  test('a name with several addresses tells of each of them', () => {
    const error = new AggregateError([
      new Error('connect ECONNREFUSED ::1:1'),
      new Error('connect ECONNREFUSED 1.2.3.4:1'),
    ]);
    expect(describeRedisFault(error)).toBe('connect ECONNREFUSED ::1:1; connect ECONNREFUSED 1.2.3.4:1');
    expect(describeRedisFault(null)).toBe('no answer');
  });
});

describe('the rights of a user', () => {
  /** BullMQ's scripts of what is not used: its message relay, repeated jobs, flows, lists of dependencies. */
  const UNUSED = /^(relay|paginate|removeOrphaned|index)|JobScheduler/;

  test('are those of every command in a script of BullMQ', () => {
    const folder = join(dirname(createRequire(import.meta.url).resolve('bullmq')), 'scripts');
    const scripts = readdirSync(folder).filter((name) => name.endsWith('.js') && !UNUSED.test(name));
    expect(scripts.length).toBeGreaterThan(30);
    expect(unknownIn(scripts.map((name) => readFileSync(join(folder, name), 'utf8')))).toStrictEqual([]);
  });

  test('are those of every command in a script of ours', () => {
    const sources = ['jobs', 'workers'].flatMap((folder) =>
      readdirSync(join(PROJECT_FOLDER, folder), { encoding: 'utf8', recursive: true })
        .filter((name) => name.endsWith('.ts'))
        .map((name) => readFileSync(join(PROJECT_FOLDER, folder, name), 'utf8')),
    );
    expect(unknownIn(sources)).toStrictEqual([]);
  });

  test('are those that the README gives', () => {
    const readme = readFileSync(join(PROJECT_FOLDER, 'README.md'), 'utf8').replace(/\s+/g, ' ');
    expect(readme).toContain(leastRights('tilewright', 'single'));
  });

  test('are bounded to keys and channels of the prefix, and hold nothing that administers', () => {
    const rights = leastRights('tiles', 'single').split(' ');
    expect(rights.filter((right) => !right.startsWith('+'))).toStrictEqual(['~{tiles}:*', '&{tiles}:*']);
    const powers = /^\+(@|config|flush|keys|scan|acl|debug|shutdown|script|client\|(?!setname))/;
    expect(rights.filter((right) => powers.test(right))).toStrictEqual([]);
    expect(leastRights('tiles', 'cluster')).toContain('+cluster|slots');
  });

  /** Commands that scripts in these texts call and the list does not have. */
  function unknownIn(texts: readonly string[]): readonly string[] {
    const called = texts.flatMap((text) => [...text.matchAll(/(?:rcall|redis\.p?call)\(\s*['"](\w+)['"]/g)]);
    expect(called.length).toBeGreaterThan(10);
    const names = new Set(called.map(([, name]) => name!.toLowerCase()));
    return [...names].filter((name) => !REDIS_COMMANDS.includes(name));
  }
});
