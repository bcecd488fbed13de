import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPreviewServer } from '../../jobs/preview/preview-server.ts';
import type { PreviewServer } from '../../jobs/preview/preview-server.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import { createTileJson, tileJsonToText } from '../../src/store/tilejson.ts';
import { launchChromium } from '../support/chromium.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { pixelReader } from '../support/pixels.ts';
import { BLUE, configWith, GREEN, NEVER, quarters, RED } from '../support/preview-tilesets.ts';

const NAME = '<b>Four</b> & "quarters"';
const BACKGROUND = [0xe6, 0xe8, 0xeb];

let folder: string;
let server: PreviewServer;

/** A world whose quarters are red, green, blue and, in the south-east, not there at all: z0 to z3. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-preview-'));
  await using store = createFileStore(join(folder, 'tiles'), { extension: 'png', counters: createIoCounters() });
  for (const { tile, bytes } of await quarters([RED, GREEN, BLUE, null])) await store.put(tile, bytes, NEVER);
  const input = {
    name: NAME,
    minzoom: 1,
    maxzoom: 3,
    bbox: [-180, -85, 180, 85],
    extension: 'png',
    tileSize: 256,
  } as const;
  await store.putDocument('tilejson.json', tileJsonToText(createTileJson(input)), 'application/json', NEVER);
  await writeFile(join(folder, 'outside.png'), 'not a tile');
  server = await startPreviewServer({ target: 'tiles', config: configWith(), cwd: folder, ...NEVER });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Asks for a path as it is: `fetch` would take `..` out before it is sent. */
async function ask(path: string, method = 'GET'): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const sent = request(server.url, { path, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
    });
    sent.on('error', reject).end();
  });
}

describe('preview server', () => {
  test('gives tiles, with a type, an ETag and for every origin', async () => {
    const response = await fetch(`${server.url}tiles/1/0/0.png`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/png');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    const { data } = await sharp(await response.arrayBuffer())
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([...data.subarray(0, 3)]).toEqual(RED);
    const again = await fetch(`${server.url}tiles/1/0/0.png`, {
      headers: { 'if-none-match': response.headers.get('etag') ?? '' },
    });
    expect(again.status).toBe(304);
    expect((await again.arrayBuffer()).byteLength).toBe(0);
  });

  test('an empty tile is 204', async () => {
    expect(await ask('/tiles/1/1/1.png')).toEqual({ status: 204, body: '' });
  });

  test('the TileJSON leads to the tiles', async () => {
    const response = await fetch(`${server.url}tilejson.json`);
    expect(await response.json()).toMatchObject({
      tilejson: '3.0.0',
      name: NAME,
      tiles: [`${server.url}tiles/{z}/{x}/{y}.png`],
      minzoom: 1,
      maxzoom: 3,
    });
  });

  test('the page allows itself nothing from elsewhere, and its title is text', async () => {
    const response = await fetch(server.url);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const text = await response.text();
    expect(text).toContain('<h1>&lt;b&gt;Four&lt;/b&gt; &amp; &quot;quarters&quot;</h1>');
    expect(text).not.toMatch(/https?:/);
  });

  test('MapLibre is a module, whatever its query', async () => {
    const response = await fetch(`${server.url}maplibre-gl-worker.mjs?v=6`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect((await response.text()).length).toBeGreaterThan(100_000);
  });

  test.each([
    '/../outside.png',
    '/tiles/../outside.png',
    '/tiles/..%2f..%2foutside.png',
    '/tiles/1/0/../../../../outside.png',
    '/tiles/1/0/0.png/../../../../outside.png',
    '//etc/passwd',
    '/%2e%2e/outside.png',
    '/maplibre-gl.mjs/../../package.json',
    '/maplibre-gl-dev.mjs',
    '/tiles/1/0/0.webp',
    '/tiles/1/2/0.png',
    '/tiles/-1/0/0.png',
    '/tiles/99/0/0.PNG',
    '/constructor',
    '/__proto__',
  ])('there is nothing at %s', async (path) => {
    expect((await ask(path)).status).toBe(404);
  });

  test('HEAD has no body, and nothing can be changed', async () => {
    expect(await ask('/tiles/1/0/0.png', 'HEAD')).toEqual({ status: 200, body: '' });
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
      expect((await ask('/tiles/1/0/0.png', method)).status).toBe(405);
    }
    expect(await ask('/tiles/1/0/0.png', 'OPTIONS')).toEqual({ status: 204, body: '' });
  });

  test('a place without a tileset is refused, and so is a port in use', async () => {
    const options = { config: configWith(), cwd: folder, ...NEVER };
    await expect(startPreviewServer({ target: '.', ...options })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    const port = Number(new URL(server.url).port);
    const second = startPreviewServer({ target: 'tiles', port, ...options });
    await expect(second).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('preview page in Chromium', () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  }, INSTALL_TIMEOUT_MS);
  afterAll(async () => browser.close());

  test('shows the tiles where they belong', async () => {
    const page = await browser.newPage({ viewport: { width: 800, height: 600 } });
    const problems: string[] = [];
    const origins = new Set<string>();
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('request', (sent) => {
      if (!/^(blob|data):/.test(sent.url())) origins.add(new URL(sent.url()).origin);
    });
    await page.goto(server.url);
    await page.waitForSelector('body[data-state=idle]', { timeout: 60_000 });
    const plain = await page.screenshot();
    const colorAt = await pixelReader(plain);
    expect(colorAt(350, 250)).toEqual(RED);
    expect(colorAt(450, 250)).toEqual(GREEN);
    expect(colorAt(350, 350)).toEqual(BLUE);
    expect(colorAt(450, 350)).toEqual(BACKGROUND);
    expect(await page.textContent('#zoom')).toBe('tiles of z1 (z1 to z3, png, 256 px)');

    await page.check('#grid');
    await expect.poll(async () => Buffer.compare(await page.screenshot(), plain), { timeout: 60_000 }).not.toBe(0);
    const names = await page.locator('.tile-name').allTextContents();
    expect(names.filter((name) => name.startsWith('1/')).length).toBe(names.length);
    expect(new Set(names)).toEqual(new Set(['1/0/0', '1/0/1', '1/1/0', '1/1/1']));

    expect(await page.title()).toBe(`${NAME} · Tilewright`);
    expect(await page.isHidden('#problem')).toBe(true);
    expect(problems).toEqual([]);
    expect([...origins]).toEqual([new URL(server.url).origin]);
  });
});
