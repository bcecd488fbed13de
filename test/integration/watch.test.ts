import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChangingWorld } from '../support/changing-world.ts';
import type { ChangingWorld, MadeScene } from '../support/changing-world.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import type { Finished } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startRustac } from '../support/rustac.ts';
import { freePort, startAll } from '../support/server-process.ts';
import { filesOf } from '../support/small-world.ts';
import { startWorkerProcess } from '../support/worker-process.ts';

/** What `watch --json` says of a look. */
interface LookRecord {
  readonly event: 'look';
  readonly items: Readonly<Record<'all' | 'added' | 'changed' | 'touched' | 'gone', number>>;
  readonly searches: number;
  readonly metatiles: { readonly dirty: number | null; readonly looked: number; readonly unchanged: number };
  readonly state: string;
  readonly version: string | null;
  readonly published: boolean;
  readonly pending: boolean;
}

const TOKEN = 'a-token-of-the-tests';
const SECRET = 'a-secret-of-the-tests';

let world: ChangingWorld;
let redis: RedisServer;
let number = 0;

beforeAll(async () => {
  [world, redis] = await startAll(startChangingWorld(), startRedis());
}, INSTALL_TIMEOUT_MS);
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});
beforeEach(() => {
  world.scenes.clear();
  const corners = [
    { west: 0, south: 0 },
    { west: 16, south: 0 },
    { west: 0, south: 16 },
    { west: 16, south: 16 },
  ];
  for (const [i, corner] of corners.entries()) {
    world.scenes.set(`scene-${i}`, scene({ ...corner, seed: i }));
  }
  world.serve();
});

function scene(fields: Partial<MadeScene>): MadeScene {
  const datetime = '2026-06-01T00:00:00Z';
  return { west: 0, south: 0, degrees: 16, seed: 0, datetime, updated: datetime, ...fields };
}

/** A request of its own, in a file. */
async function requestFile(
  fields: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly path: string; readonly out: string }> {
  const name = `watched-${number++}`;
  const out = join(world.folder, name);
  const path = join(world.folder, `${name}.json`);
  await writeFile(path, JSON.stringify(world.request({ output: out, ...fields })));
  return { path, out };
}

async function watchOnce(path: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const ended = await runCli(['watch', path, '--once', '--json', '--processes', '1', ...args], { env });
  return { ended, looks: looksOf(ended.stdout) };
}

function looksOf(stdout: string): readonly LookRecord[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{"event":"look"'))
    .map((line) => JSON.parse(line) as LookRecord);
}

/** What of an output readers see; what only updates need, and who made it when, differs from a full render. */
async function tilesOf(out: string): Promise<readonly string[]> {
  return (await filesOf(out)).filter((line) => /\.png /.test(line));
}

/** Renders the request anew, to another place, and compares. */
async function expectAsRendered(path: string, out: string): Promise<void> {
  const full = join(world.folder, `full-${number++}`);
  assertExit(await runCli(['render', path, '--output', full, '--processes', '1']), 0);
  expect(await tilesOf(out)).toEqual(await tilesOf(full));
}

function endedWell({ ended }: { readonly ended: Finished }): void {
  assertExit(ended, 0);
}

describe('watch on one machine', () => {
  test('renders first, then just what changes, and nothing where nothing does', async () => {
    const { path, out } = await requestFile();
    const first = await watchOnce(path);
    endedWell(first);
    expect(first.looks).toMatchObject([{ items: { all: 4 }, state: 'complete', published: true, pending: false }]);
    await expectAsRendered(path, out);

    const reads = world.reads();
    const same = await watchOnce(path);
    expect(same.looks).toMatchObject([
      { state: 'unchanged', searches: 1, published: false, version: first.looks[0]?.version },
    ]);
    expect(world.reads()).toBe(reads);

    // Newer, and on top of a quarter of another one.
    world.scenes.set('newest', scene({ west: 4, south: 4, degrees: 8, seed: 90, datetime: '2026-06-05T00:00:00Z' }));
    world.serve();
    const before = await tilesOf(out);
    const [changedTiles, invalidations] = [join(world.folder, 'changed.txt'), join(world.folder, 'paths.txt')];
    const updated = await watchOnce(path, [
      '--changed-tiles',
      changedTiles,
      '--invalidations',
      invalidations,
      '--max-paths',
      '4',
    ]);
    endedWell(updated);
    expect(updated.looks).toMatchObject([{ items: { added: 1 }, state: 'complete', published: true }]);
    expect(updated.looks[0]?.metatiles.dirty).toBeLessThan(first.looks[0]?.metatiles.looked ?? 0);
    await expectAsRendered(path, out);
    const after = await tilesOf(out);
    const differing = after.filter((line) => !before.includes(line)).map((line) => line.replace(/\.png .*/, ''));
    expect((await readFile(changedTiles, 'utf8')).trim().split('\n').toSorted()).toEqual(differing.toSorted());
    expect((await readFile(invalidations, 'utf8')).trim().split('\n').length).toBeLessThanOrEqual(4);

    // Withdrawn, it shows what it had hidden.
    world.scenes.delete('newest');
    world.serve();
    const withdrawn = await watchOnce(path);
    expect(withdrawn.looks).toMatchObject([{ items: { gone: 1 }, state: 'complete' }]);
    expect(await tilesOf(out)).toEqual(before);
  });

  test('a catalog that rewrites "updated" of every item makes it look, and render nothing', async () => {
    const { path, out } = await requestFile();
    endedWell(await watchOnce(path));
    const before = await tilesOf(out);
    for (const [id, one] of world.scenes) world.scenes.set(id, { ...one, updated: '2026-07-01T00:00:00Z' });
    world.serve();
    const { looks } = await watchOnce(path);
    expect(looks[0]).toMatchObject({ items: { touched: 4, changed: 0 }, published: false });
    expect(looks[0]?.metatiles.unchanged).toBe(looks[0]?.metatiles.looked);
    expect(await tilesOf(out)).toEqual(before);
    expect((await watchOnce(path)).looks).toMatchObject([{ state: 'unchanged' }]);
  });

  test('a catalog that answers with nothing, or with an error, empties nothing', async () => {
    const { path, out } = await requestFile();
    endedWell(await watchOnce(path));
    const before = await tilesOf(out);
    world.stac.serve([]);
    const { ended } = await watchOnce(path);
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('--allow-deletions') });
    world.stac.fail(...Array.from({ length: 8 }, () => ({ kind: 'status', status: 500 }) as const));
    const failed = await watchOnce(path, [], { TILEWRIGHT_STAC_RETRIES: '0' });
    expect(failed.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('STAC_UNAVAILABLE') });
    world.stac.fail();
    expect(await tilesOf(out)).toEqual(before);
    expect((await watchOnce(path, ['--allow-deletions'])).ended.code).not.toBe(2);
  });

  test('scenes leave a window of time that moves with the days', async () => {
    const days = (count: number): string => new Date(Date.now() - count * 86_400_000).toISOString();
    for (const [id, one] of world.scenes) world.scenes.set(id, { ...one, datetime: days(2) });
    world.scenes.set('old', scene({ west: 4, south: 4, degrees: 8, seed: 7, datetime: days(10) }));
    world.serve();
    const query = { collections: ['scenes'], datetime: 'P5D/..' };
    const { path, out } = await requestFile({ mosaic: { type: 'stac', url: world.stac.searchUrl, query } });
    const first = await watchOnce(path);
    expect(first.looks).toMatchObject([{ items: { all: 4 }, state: 'complete' }]);
    // As if the days had passed.
    for (const [id, one] of world.scenes) if (id !== 'scene-3') world.scenes.set(id, { ...one, datetime: days(6) });
    world.serve();
    const aged = await watchOnce(path, ['--allow-deletions']);
    expect(aged.looks).toMatchObject([{ items: { all: 1, gone: 3 }, state: 'complete' }]);
    await expectAsRendered(path, out);
  });

  test('a watcher that is killed in the midst of an update loses nothing', async () => {
    const { path, out } = await requestFile();
    endedWell(await watchOnce(path));
    for (const [id, one] of world.scenes)
      world.scenes.set(id, { ...one, seed: one.seed + 50, updated: '2026-07-01T00:00:00Z' });
    world.serve();
    const reads = world.reads();
    {
      await using killed = startCli(['watch', path, '--once', '--json', '--processes', '1']);
      await until('it renders', () => world.reads() > reads + 3);
      killed.kill('SIGKILL');
      await killed.finished;
    }
    world.scenes.set(
      'meanwhile',
      scene({ west: 20, south: 20, degrees: 8, seed: 33, datetime: '2026-06-07T00:00:00Z' }),
    );
    world.serve();
    endedWell(await watchOnce(path));
    await expectAsRendered(path, out);
    expect((await watchOnce(path)).looks).toMatchObject([{ state: 'unchanged' }]);
  });

  test('records that were damaged cost a full look, and no error for ever', async () => {
    const { path, out } = await requestFile();
    endedWell(await watchOnce(path));
    const folder = join(out, '.tilewright', 'versions');
    const [name = ''] = (await readdir(folder)).filter((one) => one.endsWith('.records.gz'));
    const bytes = await readFile(join(folder, name));
    await writeFile(join(folder, name), bytes.fill(0x2a, bytes.length >> 1));
    world.scenes.delete('scene-2');
    world.serve();
    endedWell(await watchOnce(path));
    await expectAsRendered(path, out);
    expect((await watchOnce(path)).looks).toMatchObject([{ state: 'unchanged' }]);
  });

  test('touch: files that changed without a word of it', async () => {
    const { path, out } = await requestFile();
    expect((await runCli(['touch', path, '--item', 'scene-1'])).code).toBe(2);
    endedWell(await watchOnce(path));
    const rewrite = (id: string): void => {
      const one = world.scenes.get(id);
      if (one !== undefined) world.scenes.set(id, { ...one, seed: one.seed + 11 });
    };
    rewrite('scene-1');
    expect((await watchOnce(path)).looks).toMatchObject([{ state: 'unchanged' }]);
    assertExit(await runCli(['touch', path, '--item', 'scene-1']), 0);
    expect((await watchOnce(path)).looks).toMatchObject([{ state: 'complete', published: true }]);
    rewrite('scene-2');
    assertExit(await runCli(['touch', path, '--bbox', '1,17,2,18']), 0);
    const { looks } = await watchOnce(path);
    expect(looks).toMatchObject([{ state: 'complete', published: true }]);
    assertExit(await runCli(['touch', path, '--bbox', '-20,-20,60,60']), 0);
    endedWell(await watchOnce(path));
    await expectAsRendered(path, out);
  });

  test('by a schedule: one works and one waits, events are looked at, those who asked are told', async () => {
    const { path, out } = await requestFile();
    const posts: { readonly body: string; readonly signature: unknown }[] = [];
    const hook = createServer((request, response) => {
      let body = '';
      request.on('data', (part: Buffer) => (body += part.toString()));
      request.on('end', () => {
        posts.push({ body, signature: request.headers['x-tilewright-signature'] });
        // The first one is lost, and comes again.
        response.writeHead(posts.length === 1 ? 503 : 204).end();
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    const told = join(world.folder, `told-${number++}.jsonl`);
    const env = { TILEWRIGHT_EVENTS_TOKEN: TOKEN, TILEWRIGHT_WEBHOOK_SECRET: SECRET };
    const args = ['watch', path, '--every', '1h', '--json', '--processes', '1'];
    const webhook = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/told`;
    await using first = startCli([...args, '--listen', '0', '--webhook', webhook, '--on-change', `cat >> ${told}`], {
      env,
    });
    await until('the first look', () => looksOf(first.stdout()).length === 1);
    await using second = startCli(args);
    await until('the second waits', () => second.stderr().includes('another process watches'));

    const [, url = ''] = /taking events at (\S+?events)/.exec(first.stderr()) ?? [];
    world.scenes.set('event', scene({ west: 4, south: 20, degrees: 8, seed: 77, datetime: '2026-06-09T00:00:00Z' }));
    world.serve();
    const body = JSON.stringify({ Type: 'Notification', Message: JSON.stringify({ type: 'Feature', id: 'event' }) });
    expect((await fetch(url, { method: 'POST', body })).status).toBe(401);
    expect((await fetch(`${url}?token=${TOKEN}`, { method: 'POST', body: '{}' })).status).toBe(400);
    expect((await fetch(`${url}?token=${TOKEN}`, { method: 'POST', body })).status).toBe(202);
    await until('the look that follows', () => looksOf(first.stdout()).length === 2);
    expect(looksOf(first.stdout())[1]).toMatchObject({ items: { added: 1 }, published: true });
    await until('both posts, and one again', () => posts.length === 3);
    for (const post of posts) {
      expect(post.signature).toBe(`sha256=${createHmac('sha256', SECRET).update(post.body).digest('hex')}`);
    }
    // The command runs beside the posts.
    await until('both notices', async () => (await readFile(told, 'utf8')).split('\n').length > 2);
    const notices = (await readFile(told, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { items: object });
    expect(notices).toMatchObject([{ event: 'updated' }, { event: 'updated', items: { added: 1 } }]);
    expect(second.stdout()).toBe('');

    // The second goes on where the first was killed.
    first.kill('SIGKILL');
    await first.finished;
    await until('the second looks', () => looksOf(second.stdout()).length === 1);
    expect(looksOf(second.stdout())).toMatchObject([{ state: 'unchanged' }]);
    second.kill('SIGTERM');
    assertExit(await second.finished, 0);
    hook.closeAllConnections();
    hook.close();
    await expectAsRendered(path, out);
  });
});

describe('watch with workers', () => {
  test('hands updates to the queue, by a schedule that watchers share', async () => {
    const { path, out } = await requestFile();
    await using worker = startWorkerProcess({ env: redis.env });
    await worker.ready();
    const args = ['watch', path, '--every', '2s', '--json'];
    await using first = startCli(args, { env: redis.env });
    await until('the first look', () => looksOf(first.stdout()).length >= 1);
    expect(looksOf(first.stdout())[0]).toMatchObject({ state: 'complete', published: true });
    await using second = startCli(args, { env: redis.env });
    await until('the second waits', () => second.stderr().includes('another process watches'));
    world.scenes.set('newest', scene({ west: 4, south: 4, degrees: 8, seed: 90, datetime: '2026-06-05T00:00:00Z' }));
    world.scenes.delete('scene-3');
    world.serve();
    await until('an update', () =>
      looksOf(first.stdout()).some(({ items, published }) => items.added === 1 && published),
    );
    await expectAsRendered(path, out);
    first.kill('SIGKILL');
    await first.finished;
    world.scenes.delete('newest');
    world.serve();
    await until('an update by the second', () =>
      looksOf(second.stdout()).some(({ items, published }) => items.gone === 1 && published),
    );
    await expectAsRendered(path, out);
    second.kill('SIGTERM');
    assertExit(await second.finished, 0);
  });
});

describe('watch over rustac', () => {
  test('a catalog that is another after each start of its server', async () => {
    const { out } = await requestFile();
    const path = join(world.folder, `rustac-${number++}.json`);
    const steps: readonly (() => void)[] = [
      () => {},
      () => world.scenes.delete('scene-0'),
      () => world.scenes.set('over', scene({ west: 8, south: 8, seed: 60, datetime: '2026-06-05T00:00:00Z' })),
      () => world.scenes.set('over', scene({ west: 12, south: 4, seed: 61, datetime: '2026-06-05T00:00:00Z' })),
      () => world.scenes.set('scene-0', scene({})),
      () => world.scenes.delete('over'),
    ];
    for (const step of steps) {
      step();
      world.serve();
      const items = (await (await fetch(`${world.stac.searchUrl}?limit=100`)).json()) as {
        readonly features: readonly unknown[];
      };
      await using api = await startRustac(items.features);
      const query = { collections: ['scenes'] };
      // Its address changes with every start, and is part of what is rendered: a proxy of one address stands before it.
      await using proxy = await startForwarder(api.url);
      const request = world.request({ output: out, mosaic: { type: 'stac', url: proxy.searchUrl, query } });
      await writeFile(path, JSON.stringify(request));
      endedWell(await watchOnce(path));
      await expectAsRendered(path, out);
    }
    expect((await watchOnce(path)).ended.code).toBe(1);
  });
});

let forwarderPort = 0;

/** Forwards to another server of this machine, always at the same address, and makes its links lead here. */
async function startForwarder(target: string): Promise<AsyncDisposable & { readonly searchUrl: string }> {
  const server = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
      const body = parts.length === 0 ? {} : { body: Buffer.concat(parts) };
      const headers = { 'content-type': request.headers['content-type'] ?? 'application/json' };
      const answer = await fetch(`${target}${request.url ?? '/'}`, {
        method: request.method ?? 'GET',
        headers,
        ...body,
      });
      const text = (await answer.text()).replaceAll(target, `http://127.0.0.1:${forwarderPort}`);
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(text);
    })().catch(() => response.destroy());
  });
  if (forwarderPort === 0) forwarderPort = await freePort();
  await new Promise<void>((resolve) => server.listen(forwarderPort, '127.0.0.1', resolve));
  return {
    searchUrl: `http://127.0.0.1:${forwarderPort}/search`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
