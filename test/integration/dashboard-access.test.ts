import { request } from 'node:http';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDashboard } from '../../jobs/dashboard/server.ts';
import type { PageServer } from '../../jobs/page-server.ts';
import { parseConfig } from '../../src/config.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import { createMemoryRuns } from '../support/memory-runs.ts';
import type { MemoryRuns } from '../support/memory-runs.ts';
import { until } from '../support/processes.ts';

const TOKEN = 'correct-horse-battery';
const JSON_HEADERS = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' };

let folder: string;
let runs: MemoryRuns;
let open: PageServer;
let guarded: PageServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-dashboard-'));
  runs = createMemoryRuns();
  open = await startDashboard({ runs, config: parseConfig({}) });
  guarded = await startDashboard({ runs, config: parseConfig({ TILEWRIGHT_DASHBOARD_TOKEN: TOKEN }) });
});

afterAll(async () => {
  await open.close();
  await guarded.close();
  await rm(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
}

/** Asks with headers of any kind, which `fetch` would not send. */
async function ask(
  server: PageServer,
  path: string,
  {
    method = 'GET',
    headers = {},
    body = '',
  }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const sent = request(server.url, { path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
    sent.on('error', reject).end(body);
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const state = async (run: string) => (await runs.status(run))?.state;

describe('on this machine, without a token', () => {
  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:7400', '10.0.0.1', '[::2]'])(
    'a request to the name %j is refused',
    async (host) => {
      for (const path of ['/', '/dashboard.css', '/api/runs', '/api/events', '/metrics', '/maplibre-gl.mjs']) {
        expect((await ask(open, path, { headers: { host } })).status).toBe(403);
      }
    },
  );

  test.each(['localhost', 'LOCALHOST:7400', '127.0.0.1:1', '[::1]:7400'])('one to %s is answered', async (host) => {
    expect((await ask(open, '/api/runs', { headers: { host } })).status).toBe(200);
  });

  test.each<[string, Record<string, string>, number]>([
    ['another site', { ...JSON_HEADERS, 'sec-fetch-site': 'cross-site' }, 403],
    ['another port of this machine', { ...JSON_HEADERS, 'sec-fetch-site': 'same-site' }, 403],
    ['another origin', { 'content-type': 'application/json', origin: 'http://evil.example' }, 403],
    ['an opaque origin', { 'content-type': 'application/json', origin: 'null' }, 403],
    ['nobody knows where', { 'content-type': 'application/json' }, 403],
    ['a form', { ...JSON_HEADERS, 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['a form of plain text', { ...JSON_HEADERS, 'content-type': 'text/plain' }, 415],
  ])('a change from %s is refused', async (_, headers, status) => {
    runs.add('kept');
    const answer = await ask(open, '/api/runs/kept/cancel', { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(status);
    expect(await state('kept')).toBe('running');
  });

  test('a change from its own page is done, by Origin or by Sec-Fetch-Site', async () => {
    runs.add('steered');
    const { host } = new URL(open.url);
    const post = (action: string, headers: Record<string, string>) =>
      ask(open, `/api/runs/steered/${action}`, { method: 'POST', headers, body: '{}' });
    expect(await post('pause', JSON_HEADERS)).toMatchObject({ status: 200, body: '{"takenUp":null}' });
    const origin = { 'content-type': 'application/json; charset=utf-8', origin: `http://${host}` };
    expect(await post('resume', origin)).toMatchObject({ status: 200, body: '{"takenUp":"continued"}' });
    expect((await post('cancel', JSON_HEADERS)).status).toBe(200);
    expect(await state('steered')).toBe('cancelled');
    const refused = await post('pause', JSON_HEADERS);
    expect(refused.status).toBe(409);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('a local run that nobody renders is told how to go on', async () => {
    const run = runs.add('local', { output: "/data/it's here" });
    run.engine = 'local';
    run.state = 'interrupted';
    const answer = await ask(open, '/api/runs/local/retry', { method: 'POST', headers: JSON_HEADERS, body: '{}' });
    expect(JSON.parse(answer.body)).toEqual({
      takenUp: 'here',
      command: `tilewright retry '/data/it'\\''s here'`,
    });
  });

  test('a body that is too long, an unknown run, action or path, and other methods', async () => {
    const post = (path: string, body = '{}') => ask(open, path, { method: 'POST', headers: JSON_HEADERS, body });
    expect((await post('/api/runs/kept/pause', 'x'.repeat(5000))).status).toBe(413);
    expect((await post('/api/runs/none/pause')).status).toBe(404);
    expect((await post('/api/runs/kept/explode')).status).toBe(404);
    expect((await post('/')).status).toBe(404);
    for (const path of [
      '/api/runs/none',
      '/api/runs/none/cells?zoom=1&bbox=0,0,1,1',
      '/api/nothing',
      '/../etc/passwd',
      '/%',
      '/api/runs/%/cells',
      '/constructor',
    ]) {
      expect([path, (await ask(open, path)).status]).toEqual([path, 404]);
    }
    for (const method of ['PUT', 'DELETE', 'OPTIONS']) expect((await ask(open, '/', { method })).status).toBe(405);
  });

  test('beyond this machine it needs a token', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.1', 'myhost']) {
      await expect(startDashboard({ runs, config: parseConfig({}), host })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('TILEWRIGHT_DASHBOARD_TOKEN') as string,
      });
    }
  });
});

describe('with a token', () => {
  test('nothing but the probes and the form is to be had without it', async () => {
    for (const path of ['/api/runs', '/api/events', '/metrics', '/dashboard.mjs', '/maplibre-gl.mjs', '/queues']) {
      expect([path, (await ask(guarded, path)).status]).toEqual([path, 401]);
    }
    expect(await ask(guarded, '/')).toMatchObject({ status: 303, headers: { location: '/login' } });
    expect(await ask(guarded, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await ask(guarded, '/readyz')).toMatchObject({ status: 200, body: 'ready\n' });
    const post = { method: 'POST', headers: JSON_HEADERS, body: '{}' };
    expect((await ask(guarded, '/api/runs/kept/cancel', post)).status).toBe(401);
  });

  test('the right one is taken, under any name of the server; a wrong one is not', async () => {
    const headers = { ...bearer(TOKEN), host: 'tiles.example' };
    expect((await ask(guarded, '/api/remaining', { headers })).status).toBe(200);
    for (const wrong of [TOKEN.slice(0, -1), `${TOKEN}x`, 'x']) {
      expect((await ask(guarded, '/api/remaining', { headers: bearer(wrong) })).status).toBe(401);
    }
    // It never counts in an address, where it would get into logs.
    expect((await ask(guarded, `/api/remaining?token=${TOKEN}`)).status).toBe(401);
    runs.add('by-script');
    const post = { method: 'POST', headers: { ...bearer(TOKEN), 'content-type': 'application/json' }, body: '{}' };
    expect((await ask(guarded, '/api/runs/by-script/pause', post)).status).toBe(200);
  });

  test('logging in gives a cookie that scripts and other sites do not get, and that is not the token', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
    const logIn = (token: string, headers: Record<string, string> = form) =>
      ask(guarded, '/login', { method: 'POST', headers, body: new URLSearchParams({ token }).toString() });
    expect((await logIn('wrong')).status).toBe(401);
    expect((await logIn(TOKEN, { ...form, 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    const entered = await logIn(TOKEN);
    expect(entered).toMatchObject({ status: 303, headers: { location: '/' } });
    const [set = ''] = entered.headers['set-cookie'] as string[];
    expect(set).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(set).not.toContain(TOKEN);
    const secure = await logIn(TOKEN, { ...form, 'x-forwarded-proto': 'https' });
    expect(String(secure.headers['set-cookie'])).toMatch(/; Secure$/);
    const cookie = set.split(';')[0] ?? '';
    const withCookie = (value: string) => ask(guarded, '/api/runs', { headers: { cookie: value } });
    expect((await withCookie(cookie)).status).toBe(200);
    expect((await withCookie(`a=b; ${cookie}`)).status).toBe(200);
    const [name = '', value = ''] = cookie.split('=');
    const [until = '', signature = ''] = value.split('.');
    for (const forged of [`${Number(until) + 1}.${signature}`, `${until}.${signature.slice(1)}A`, '', TOKEN]) {
      expect((await withCookie(`${name}=${forged}`)).status).toBe(401);
    }
    const cross = { cookie, 'content-type': 'application/json', 'sec-fetch-site': 'cross-site' };
    const post = { method: 'POST', headers: cross, body: '{}' };
    expect((await ask(guarded, '/api/runs/kept/cancel', post)).status).toBe(403);
  });

  test('wrong ones wait, and are too many soon', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => ask(guarded, '/api/remaining', { headers: bearer(`guess-${i}`) })),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    expect(count(401)).toBeLessThanOrEqual(8);
    expect(count(429)).toBe(30 - count(401));
    expect((await ask(guarded, '/api/remaining', { headers: bearer(TOKEN) })).status).toBe(200);
  });
});

describe('what is served', () => {
  test('pages allow themselves nothing from elsewhere', async () => {
    for (const path of ['/', '/login']) {
      const { headers, body } = await ask(open, path);
      expect(headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'");
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(body).not.toMatch(/https?:|<script(?![^>]* src=)|<style| style=| on[a-z]+=/);
    }
  });

  test('the API: runs, one run with its map, failures, cells, what remains', async () => {
    const run = runs.add('world & more', { maxzoom: 3, name: 'World' });
    run.settle(0, 'done');
    run.settle(6, 'failed');
    run.failures = [{ tile: { z: 2, x: 0, y: 1 }, code: 'ASSET_CORRUPT', message: 'broken', retryAfterMs: null }];
    const base = `/api/runs/${encodeURIComponent('world & more')}`;
    const json = async (path: string) => JSON.parse((await ask(open, path)).body) as Record<string, unknown>;
    expect(await json(base)).toMatchObject({
      run: 'world & more',
      name: 'World',
      map: { minzoom: 0, maxzoom: 3, tileSize: 256, tiles: `${base}/tiles/{z}/{x}/{y}.png` },
    });
    expect(await json(`${base}/failures`)).toEqual({
      failures: [{ tile: '2/0/1', code: 'ASSET_CORRUPT', message: 'broken', asset: null }],
    });
    expect(await json(`${base}/cells?zoom=0&bbox=-180,-85,180,85`)).toEqual({
      level: 0,
      sampled: false,
      isExact: true,
      cells: [0, 0, 1, 0, 1],
    });
    const { cells } = (await json(`${base}/cells?zoom=2&bbox=-180,-85,180,85`)) as { cells: number[] };
    expect(cells).toHaveLength(16 * 5);
    expect(cells.filter((_, i) => i % 5 === 3).reduce((a, b) => a + b)).toBe(1);
    for (const query of [
      '',
      'zoom=2',
      'zoom=x&bbox=0,0,1,1',
      'zoom=2&bbox=0,0,1',
      'zoom=2&bbox=1,0,0,1',
      'zoom=9&bbox=0,0,1,1',
      'zoom=2&bbox=0,,1,1',
      'zoom=2&bbox=0,0,1e999,1',
    ]) {
      expect([query, (await ask(open, `${base}/cells?${query}`)).status]).toEqual([query, 400]);
    }
    expect(((await json('/api/runs'))['runs'] as { run: string }[]).some((one) => one.run === 'world & more')).toBe(
      true,
    );
  });

  test('finished tiles of a run, and 204 for those that are not there', async () => {
    const output = join(folder, 'out');
    runs.add('tiles', { output });
    await using store = createFileStore(output, { extension: 'png', counters: createIoCounters() });
    await store.put({ z: 1, x: 1, y: 0 }, new Uint8Array([1, 2, 3]), { signal: new AbortController().signal });
    const tile = (path: string) => ask(open, `/api/runs/tiles/tiles/${path}`);
    expect(await tile('1/1/0.png')).toMatchObject({ status: 200, headers: { 'content-type': 'image/png' } });
    expect(await tile('1/0/0.png')).toMatchObject({ status: 204, body: '' });
    for (const path of ['1/1/0.webp', '1/2/0.png', '1/1/0', '../x', '99/0/0.png/..', '1/1/0.png/../../x']) {
      expect([path, (await tile(path)).status]).toEqual([path, 404]);
    }
  });

  test('closing ends the streams of pages that are open', async () => {
    const server = await startDashboard({ runs, config: parseConfig({}) });
    let text = '';
    const ended = new Promise((resolve) => {
      request(`${server.url}api/events`, { agent: false }, (response) => {
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', resolve);
      }).end();
    });
    await until('the first event', () => text.includes('event: runs'));
    await server.close();
    await ended;
    expect(text).toMatch(/^retry: 2000\n\nevent: runs\n/);
  });
});
