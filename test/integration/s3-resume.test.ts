import { createHash } from 'node:crypto';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isTilerError } from '../../src/errors.ts';
import type { S3Objects } from '../../src/store/s3-objects.ts';
import { composeObject, expectedObject, openS3Place, SOURCE_PATH } from '../support/compose-in-s3.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { until } from '../support/processes.ts';
import { startScript } from '../support/run-script.ts';
import { noise } from '../support/noise.ts';
import { startProxiedS3 } from '../support/proxied-s3.ts';
import type { ProxiedS3 } from '../support/proxied-s3.ts';

const NEVER = { signal: new AbortController().signal };
const BUCKET = `resumed-${process.pid}`;
const PREFIX = 'place';
const MIB = 1024 * 1024;

let s3: ProxiedS3;
let expected = '';
/** Of one composition that nothing disturbs. */
let requests = 0;
let parts = 0;

beforeAll(async () => {
  s3 = await startProxiedS3(BUCKET);
  await using store = openS3Place(BUCKET, PREFIX);
  const source = noise(13 * MIB, 1);
  await store.put(SOURCE_PATH, source, { ...NEVER, contentType: 'application/octet-stream' });
  expected = digestOf(expectedObject(source));
  const from = s3.proxy.passed.length;
  await composeObject(store, 'first.bin');
  requests = s3.proxy.passed.length - from;
  parts = partsSent(from);
}, INSTALL_TIMEOUT_MS);

beforeEach(() => s3.proxy.disturb([]));

afterAll(async () => {
  await s3[Symbol.asyncDispose]();
});

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Composes as a supervisor does, which is called again where what may pass has met one request too often. */
async function composeAgain(store: S3Objects, path: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await composeObject(store, path);
      return;
    } catch (error) {
      if (!isTilerError(error) || error.retry === 'never' || tries === 10) throw error;
    }
  }
}

/** Requests that made a part, since a moment. */
function partsSent(from: number): number {
  return s3.proxy.passed.slice(from).filter(({ path }) => path.includes('partNumber=')).length;
}

async function digestAt(path: string): Promise<string> {
  await using store = openS3Place(BUCKET, PREFIX);
  const hash = createHash('sha256');
  for (let offset = 0; ; offset += 32 * MIB) {
    const bytes = await store.read(path, offset, 32 * MIB, NEVER);
    if (bytes === null) return 'none';
    hash.update(bytes);
    if (bytes.length < 32 * MIB) return hash.digest('hex');
  }
}

/** The object is whole, and nothing else is left: no upload, no piece and no memo. */
async function checkFinished(path: string): Promise<void> {
  expect(await digestAt(path)).toBe(expected);
  const { Uploads = [] } = await s3.client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  expect(Uploads).toStrictEqual([]);
  await using store = openS3Place(BUCKET, PREFIX);
  for await (const left of store.list('.work', NEVER)) expect(left).toBe('nothing');
  await store.delete(path, NEVER);
}

/**
 * As a job does, which is tried again: what a server still copies for an upload that was given up, or for one that another
 * process has finished, may look like an upload to it.
 */
async function composeAsJob(store: S3Objects, path: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await composeObject(store, path);
    } catch (error) {
      if (attempt === 3 || !isTilerError(error) || error.code !== 'STORE_UNAVAILABLE') throw error;
    }
  }
}

/** Starts a process that composes an object, and kills it after or in its nth request. @returns false if it had ended */
async function composeAndKill(path: string, nth: number, isHeld: boolean): Promise<boolean> {
  const from = s3.proxy.passed.length;
  let seen = 0;
  let hasEnded = false;
  // None of another's requests, should there be fewer of its own.
  const held = isHeld ? s3.proxy.hold(() => !hasEnded && ++seen === nth) : null;
  const { child, finished } = startScript('compose-in-s3.ts', [BUCKET, PREFIX, path]);
  const ended = finished.then(() => (hasEnded = true));
  let isThere = false;
  void held?.then(() => (isThere = true));
  await until('its request', () => hasEnded || isThere || (!isHeld && s3.proxy.passed.length - from >= nth));
  child.kill('SIGKILL');
  const release = isThere ? await held : null;
  await ended;
  hasEnded = true;
  release?.();
  return child.signalCode === 'SIGKILL';
}

test('an object is made in two levels, of parts that are copied for the most part', async () => {
  expect(await digestAt('first.bin')).toBe(expected);
  await checkFinished('first.bin');
  expect(s3.proxy.passed.filter(({ path }) => /piece-\d+\?uploads/.test(path)).length).toBeGreaterThanOrEqual(3);
});

describe('killed', () => {
  test.each([0.05, 0.1, 0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.9, 1])(
    'after %s of its requests, it is gone on with to the same end',
    async (share) => {
      const path = `killed at ${share}.bin`;
      const nth = Math.max(1, Math.round(requests * share));
      const from = s3.proxy.passed.length;
      await composeAndKill(path, nth, Math.round(share * 100) % 20 === 0);
      await startScript('compose-in-s3.ts', [BUCKET, PREFIX, path]).finished;
      // What was under way may be sent again.
      expect(partsSent(from)).toBeLessThanOrEqual(parts + 20);
      await checkFinished(path);
    },
  );

  test('again and again, each time a little later', async () => {
    const path = 'again.bin';
    let kills = 0;
    for (let nth = 2; await composeAndKill(path, nth, nth % 2 === 0); nth += 3) kills++;
    expect(kills).toBeGreaterThanOrEqual(5);
    await checkFinished(path);
  });
});

describe('a composition', () => {
  test('whose requests fail and whose answers are lost comes to the same end', async () => {
    await using store = openS3Place(BUCKET, PREFIX);
    s3.proxy.disturb([null, { kind: 'lost-answer' }, null, null, { kind: 'reset' }]);
    await composeAgain(store, 'lost.bin');
    expect(s3.proxy.faults).toBeGreaterThan(5);
    s3.proxy.disturb([]);
    await checkFinished('lost.bin');
  });

  test('whose completion was not heard of is complete', async () => {
    await using store = openS3Place(BUCKET, PREFIX);
    const isCompletion = ({ method, path }: { readonly method: string; readonly path: string }): boolean =>
      method === 'POST' && /unheard\.bin\?uploadId=/.test(path);
    const from = s3.proxy.passed.length;
    const arrived = s3.proxy.hold(isCompletion);
    const controller = new AbortController();
    const composing = composeObject(store, 'unheard.bin', controller.signal);
    const release = await arrived;
    // It is gone when the server is asked to complete, and another takes its place.
    release();
    await until('the completion', () => s3.proxy.passed.slice(from).some(isCompletion));
    controller.abort();
    await Promise.allSettled([composing]);
    await composeObject(store, 'unheard.bin');
    expect(s3.proxy.passed.slice(from).filter(isCompletion).length).toBe(1);
    await checkFinished('unheard.bin');
  });

  test('whose upload is gone begins another', async () => {
    const path = 'gone.bin';
    await composeAndKill(path, Math.round(requests / 2), false);
    await using store = openS3Place(BUCKET, PREFIX);
    let given = 0;
    for await (const upload of store.uploads('', NEVER)) {
      await store.abortUpload(upload, NEVER);
      given++;
    }
    expect(given).toBeGreaterThan(0);
    await composeAsJob(store, path);
    await checkFinished(path);
  });

  test('that two processes make at once is made once', async () => {
    const scripts = [0, 1].map(() => startScript('compose-in-s3.ts', [BUCKET, PREFIX, 'twice.bin']));
    const ended = await Promise.allSettled(scripts.map(({ finished }) => finished));
    // One may find its upload given up by the other, and is tried again then.
    expect(ended.some(({ status }) => status === 'fulfilled')).toBe(true);
    await using store = openS3Place(BUCKET, PREFIX);
    await composeAsJob(store, 'twice.bin');
    await checkFinished('twice.bin');
  });
});
