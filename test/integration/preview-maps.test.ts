import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPreviewServer } from '../../jobs/preview/preview-server.ts';
import type { PreviewServer } from '../../jobs/preview/preview-server.ts';
import type { PageServer } from '../../jobs/page-server.ts';
import { mapStyleOf } from '../../src/store/documents/map-style.ts';
import { parseTileJson } from '../../src/store/tilejson.ts';
import { launchChromium } from '../support/chromium.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { startMapPage } from '../support/map-page.ts';
import { pixelReader } from '../support/pixels.ts';
import { BLUE, configWith, GREEN, NEVER, publishTiles, quarters, RED, YELLOW } from '../support/preview-tilesets.ts';

const WHITE = [255, 255, 255];

let folder: string;
let browser: Browser;
let pages: PageServer;
const documents = new Map<string, string>();
const servers: PreviewServer[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-preview-maps-'));
  [browser, pages] = await Promise.all([launchChromium(), startMapPage(documents)]);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await pages.close();
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

async function preview(target: string): Promise<PreviewServer> {
  const server = await startPreviewServer({ target, config: configWith(), cwd: folder, ...NEVER });
  servers.push(server);
  return server;
}

/** Opens a page and waits for the map, whose middle is the middle of the window. */
async function openMap(url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 600, height: 600 } });
  await page.goto(url);
  await page.waitForSelector('body[data-state=idle]', { timeout: 60_000 });
  return page;
}

async function colours(page: Page): Promise<readonly number[][]> {
  const colourAt = await pixelReader(await page.screenshot());
  return [colourAt(250, 250), colourAt(350, 250), colourAt(250, 350), colourAt(350, 350)];
}

async function drawStyle(style: string): Promise<readonly number[][]> {
  const page = await openMap(`${pages.url}?style=${encodeURIComponent(style)}`);
  expect(await page.evaluate('document.body.dataset.problem ?? null')).toBeNull();
  const found = await colours(page);
  await page.close();
  return found;
}

test('a page of another origin opens the style of tiles in a folder as it is', async () => {
  await publishTiles(join(folder, 'tiles'), await quarters([RED, GREEN, BLUE, null]), 1);
  const server = await preview('tiles');
  expect(await drawStyle(`${server.url}style.json`)).toEqual([RED, GREEN, BLUE, WHITE]);
});

test('and that of an archive, by its tiles and by the protocol pmtiles', async () => {
  await publishTiles(join(folder, 'world.pmtiles'), await quarters([RED, YELLOW, BLUE, null]), 1);
  const server = await preview('world.pmtiles');
  expect(await drawStyle(`${server.url}style.json`)).toEqual([RED, YELLOW, BLUE, WHITE]);

  const tileJson = parseTileJson(await (await fetch(`${server.url}tilejson.json`)).text());
  if (tileJson === null) throw new Error('there is no TileJSON');
  const tiles = [`pmtiles://${server.url}archive.pmtiles/{z}/{x}/{y}`];
  documents.set('/style.json', JSON.stringify(mapStyleOf({ ...tileJson, tiles })));
  expect(await drawStyle(`${pages.url}style.json`)).toEqual([RED, YELLOW, BLUE, WHITE]);
});

test('the page goes over to a version that is published, and back to one that is kept', async () => {
  const output = join(folder, 'moving.pmtiles');
  const first = await publishTiles(output, await quarters([RED, GREEN, BLUE, null]), 1);
  const page = await openMap((await preview('moving.pmtiles')).url);
  const background = [0xe6, 0xe8, 0xeb];
  expect(await colours(page)).toEqual([RED, GREEN, BLUE, background]);
  const shown = async (): Promise<string | null> => await page.getAttribute('body', 'data-version');
  await expect.poll(shown, { timeout: 30_000 }).toBe(first.id);

  const second = await publishTiles(output, await quarters([YELLOW, GREEN, RED, BLUE]), 2);
  await expect.poll(shown, { timeout: 60_000 }).toBe(second.id);
  await expect.poll(async () => await colours(page), { timeout: 30_000 }).toEqual([YELLOW, GREEN, RED, BLUE]);
  expect(await page.locator('#version option').allTextContents()).toEqual([
    `${second.id} (the one that counts)`,
    `${second.id}: 84 tiles`,
    `${first.id}: 63 tiles`,
  ]);

  await page.selectOption('#version', first.id);
  await expect.poll(shown, { timeout: 30_000 }).toBe(first.id);
  await expect.poll(async () => await colours(page), { timeout: 30_000 }).toEqual([RED, GREEN, BLUE, background]);
  expect(await page.isHidden('#problem')).toBe(true);
  await page.close();
});
