import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIoCounters } from '../../src/observe.ts';
import { FileObjects } from '../../src/store/file-objects.ts';
import { takeFileLock } from '../../src/store/file-lock.ts';
import { S3Objects } from '../../src/store/s3-objects.ts';
import { describeObjectStore } from '../contract/object-store.contract.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { ProxyFault } from '../support/fault-proxy.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { until } from '../support/processes.ts';
import { addEntries, entriesOf } from '../support/put-if-writer.ts';
import { startScript } from '../support/run-script.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';

const NEVER = { signal: new AbortController().signal };
const PUT = { ...NEVER, contentType: 'text/plain' };
const BUCKET = `conditions-${process.pid}`;
const WRITERS = Array.from({ length: 10 }, (_, writer) => `writer ${writer}`);
const UPDATES = 20;
const EXPECTED = WRITERS.flatMap((writer) => Array.from({ length: UPDATES }, (_, n) => `${writer} entry ${n}`)).sort();

let server: S3Server;
let before: NodeJS.ProcessEnv;
let folder = '';
let places = 0;

beforeAll(async () => {
  server = await startS3();
  before = { ...process.env };
  Object.assign(process.env, server.env);
  await server.createBucket(BUCKET);
  folder = await mkdtemp(join(tmpdir(), 'tilewright-put-if-'));
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  for (const name of Object.keys(server.env)) delete process.env[name];
  Object.assign(process.env, before);
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function newClient(prefix: string): S3Objects {
  // Two requests of seven fail: of thousands, one fails as often as is allowed, unless that is very often.
  const retry = { attempts: 100, baseMs: 5, maxMs: 100 };
  const options = { cacheControl: 'no-cache', forcePathStyle: true, counters: createIoCounters(), retry };
  return new S3Objects({ bucket: BUCKET, prefix }, options);
}

async function raceInS3(prefix: string): Promise<string[]> {
  await Promise.all(
    WRITERS.map(async (writer) => {
      await using store = newClient(prefix);
      await addEntries(store, 'log.json', writer, UPDATES);
    }),
  );
  await using store = newClient(prefix);
  return (await entriesOf(store, 'log.json')).sort();
}

describeObjectStore('S3', async () => await Promise.resolve(newClient(`objects/place ${places++}`)));

describe('of ten writers with twenty updates each none is lost', () => {
  test('processes, in a folder', async () => {
    const scripts = WRITERS.map((writer) =>
      startScript('put-if-writer.ts', [folder, 'race/log.json', writer, String(UPDATES)]),
    );
    await Promise.all(scripts.map(({ finished }) => finished));
    await using store = new FileObjects(folder, createIoCounters());
    expect((await entriesOf(store, 'race/log.json')).sort()).toStrictEqual(EXPECTED);
    expect(await readdir(join(folder, 'race'))).toStrictEqual(['log.json']);
  });

  test('processes of which some are killed, in a folder', async () => {
    const start = (writer: string, updates: number) =>
      startScript('put-if-writer.ts', [folder, 'killed/log.json', writer, String(updates)]);
    await using store = new FileObjects(folder, createIoCounters());
    const doomed = [start('doomed 1', 1e6), start('doomed 2', 1e6), start('doomed 3', 1e6)];
    const living = ['living 1', 'living 2', 'living 3'].map((writer) => start(writer, UPDATES));
    for (const { child } of doomed) {
      const known = (await entriesOf(store, 'killed/log.json')).length;
      await until('ten more entries', async () => (await entriesOf(store, 'killed/log.json')).length >= known + 10);
      child.kill('SIGKILL');
    }
    await Promise.all([...doomed, ...living].map(({ finished }) => finished));
    const entries = (await entriesOf(store, 'killed/log.json')).filter((entry) => entry.startsWith('living'));
    expect(entries.length).toBe(3 * UPDATES);
    expect(new Set(entries).size).toBe(3 * UPDATES);
  });

  test('clients, in S3', async () => {
    expect(await raceInS3('race')).toStrictEqual(EXPECTED);
  });

  test('clients whose answers are lost on the way, in S3', async () => {
    await using proxy = await startFaultProxy(server.endpoint);
    process.env['AWS_ENDPOINT_URL_S3'] = proxy.url;
    try {
      const lost: ProxyFault = { kind: 'lost-answer' };
      proxy.disturb([null, null, null, lost, null, null, { kind: 'reset' }]);
      expect(await raceInS3('lost')).toStrictEqual(EXPECTED);
      expect(proxy.faults).toBeGreaterThan(100);
    } finally {
      process.env['AWS_ENDPOINT_URL_S3'] = server.endpoint;
    }
  });
});

describe('a lock in a folder', () => {
  test.each([
    ['of a process that is gone', `token\nhost\nMACHINE\n999999999\n123`],
    ['of a number that another process was given', `token\nhost\nMACHINE\n${process.pid}\n1`],
  ])('%s is nobody’s', async (_, text) => {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const machine = `${boot} ${await readlink('/proc/self/ns/pid')}`;
    const place = join(folder, `lock-${places++}`);
    await mkdir(place);
    await writeFile(join(place, '.doc.lock'), text.replace('MACHINE', machine));
    await using store = new FileObjects(place, createIoCounters());
    expect(await store.putIf('doc', Buffer.from('1'), null, PUT)).not.toBeNull();
    expect(await readdir(place)).toStrictEqual(['doc']);
  });

  test('of a process that lives is waited for, and an abort ends the wait', async () => {
    const place = join(folder, `lock-${places++}`);
    await mkdir(place);
    await using store = new FileObjects(place, createIoCounters());
    const lock = await takeFileLock(join(place, '.doc.lock'), NEVER.signal);
    const controller = new AbortController();
    const waiting = store.putIf('doc', Buffer.from('1'), null, { ...PUT, signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    expect(await lock.isHeld()).toBe(true);
    const other = store.putIf('doc', Buffer.from('2'), null, PUT);
    await lock[Symbol.asyncDispose]();
    expect(await other).not.toBeNull();
  });
});
