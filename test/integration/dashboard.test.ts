import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createBullBoard } from '../../jobs/dashboard/bull-board.ts';
import { startDashboard } from '../../jobs/dashboard/server.ts';
import type { PageServer } from '../../jobs/page-server.ts';
import { QueueRuns } from '../../jobs/queue/queue-runs.ts';
import { openQueues } from '../../jobs/queue/queues.ts';
import type { Queues } from '../../jobs/queue/queues.ts';
import { parseConfig } from '../../src/config.ts';
import { launchChromium } from '../support/chromium.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

const WAIT = { timeout: 60_000 };
/** As the page's light style has them. */
const FAILED = [0xc6, 0x3a, 0x0e];

let world: SmallWorld;
let redis: RedisServer;
let browser: Browser;
let queues: Queues;
let runs: QueueRuns;
let server: PageServer;
let page: Page;
const problems: string[] = [];
const origins = new Set<string>();

beforeAll(async () => {
  [world, redis, browser] = await startAll(startSmallWorld(), startRedis(), launchChromium());
  const config = parseConfig(redis.env);
  queues = await openQueues(config);
  runs = new QueueRuns(queues, config.retry);
  server = await startDashboard({ runs, config, bullBoard: await createBullBoard(queues) });
  page = await browser.newPage({ viewport: { width: 1100, height: 900 }, colorScheme: 'light' });
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('request', (sent) => {
    if (!/^(blob|data):/.test(sent.url())) origins.add(new URL(sent.url()).origin);
  });
}, INSTALL_TIMEOUT_MS);

afterEach(() => {
  world.slowDown(0);
  world.breakScenes([], 0);
});

afterAll(async () => {
  await browser.close();
  await server.close();
  await runs[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

async function seed(fields: Readonly<Record<string, unknown>>): Promise<string> {
  const before = new Set((await runs.list()).map(({ run }) => run));
  const result = await runCli(['seed', await world.request(fields)], { env: redis.env });
  assertExit(result, 0);
  const made = (await runs.list()).find(({ run }) => !before.has(run));
  return made?.run ?? '';
}

const startWorker = () => startCli(['worker', '--processes', '1'], { env: redis.env });
const choose = (name: string) => page.click(`#runs button:has-text("${name}")`);
const untilState = (state: string) => page.waitForSelector(`#run[data-state=${state}]`, WAIT);

/** Waits until the numbers of squares on the map, to do, in part, done and failed, are as they should. */
async function untilCells(what: string, isRight: (cells: readonly number[]) => boolean): Promise<void> {
  await until(what, async () => {
    const text = (await page.getAttribute('#map', 'data-cells')) ?? '';
    return /^\d+ \d+ \d+ \d+$/.test(text) && isRight(text.split(' ').map(Number));
  });
}

/** How many pixels of the map are of a colour. */
async function pixelsOf(colour: readonly number[]): Promise<number> {
  const { data } = await sharp(await page.locator('#map').screenshot())
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  let count = 0;
  for (let i = 0; i < data.length; i += 3) if (colour.every((value, band) => data[i + band] === value)) count++;
  return count;
}

describe('the live page', () => {
  test('shows a run as it is rendered, its failures with their cause, and steers it', async () => {
    await page.goto(server.url);
    await page.waitForSelector('#no-runs:not([hidden])', WAIT);
    expect(await page.isHidden('#run')).toBe(true);

    world.breakScenes(['south-east'], 403);
    world.slowDown(250);
    const run = await seed({ name: '<i>Four</i> scenes', output: join(world.folder, 'live') });
    await untilState('running');
    expect(await page.textContent('#run-name')).toBe('<i>Four</i> scenes');
    expect(await page.getAttribute('#run', 'data-run')).toBe(run);
    expect(await page.isDisabled('[data-action=resume]')).toBe(true);
    await untilCells('squares to do', ([todo = 0, part, done]) => todo > 0 && part === 0 && done === 0);

    await using worker = startWorker();
    await until('progress', async () => Number(await page.getAttribute('#run-bar', 'aria-valuenow')) > 0);
    await untilCells('squares done', ([, , done = 0]) => done > 0);

    await page.click('[data-action=pause]');
    await untilState('paused');
    await until('the end of what is under way', async () => (await queues.metatileQueue.getActiveCount()) === 0);
    const paused = await runs.status(run);
    expect(paused?.settledMetatiles).toBeLessThan(paused?.metatiles ?? 0);
    for (let looks = 0; looks < 50; looks++) {
      expect((await runs.status(run))?.settledMetatiles).toBe(paused?.settledMetatiles);
    }
    world.slowDown(0);
    await page.click('[data-action=resume]');
    await untilState('failed');

    await page.waitForSelector('#failures tr', WAIT);
    const failures = await runs.failures(run);
    expect(await page.locator('#failures tr').count()).toBe(failures.length);
    expect(await page.locator('#failures tr').first().textContent()).toContain('ASSET_FORBIDDEN');
    expect(await page.locator('#failures').textContent()).toContain('south-east');
    await untilCells('squares that failed', ([, , , failed = 0]) => failed > 0);
    await page.waitForSelector('#map[data-map=idle]', WAIT);
    expect(await pixelsOf(FAILED)).toBeGreaterThan(20);

    const tile = await page.locator('#failures button').last().textContent();
    await page.locator('#failures button').last().click();
    await page.waitForSelector(`#map[data-mark="${tile}"][data-map=idle]`, WAIT);
    expect(await pixelsOf(FAILED)).toBeGreaterThan(20);

    world.breakScenes([], 0);
    await page.click('[data-action=retry]');
    await untilState('complete');
    await page.waitForSelector('#failures-part', { state: 'hidden', ...WAIT });
    await untilCells(
      'squares done',
      ([todo, part, done = 0, failed]) => todo === 0 && part === 0 && failed === 0 && done > 0,
    );
    expect(await page.textContent('#figures')).toContain('Settled100.0 %');
    worker.kill('SIGTERM');
    assertExit(await worker.finished, 0);
  });

  test('cancelling asks first', async () => {
    await seed({ name: 'Second', output: join(world.folder, 'second') });
    await page.waitForSelector('#runs li:nth-child(2)', WAIT);
    await choose('Second');
    await untilState('running');
    await page.click('[data-action=cancel]');
    await page.click('#confirm button:has-text("Keep running")');
    expect(await page.isVisible('#confirm')).toBe(false);
    expect(await page.getAttribute('#run', 'data-state')).toBe('running');
    await page.click('[data-action=cancel]');
    await page.keyboard.press('Escape');
    expect(await page.isVisible('#confirm')).toBe(false);
    await page.click('[data-action=cancel]');
    await page.click('#confirm button:has-text("Cancel the run")');
    await untilState('cancelled');
    expect(await page.isEnabled('[data-action=retry]')).toBe(true);
    await choose('scenes');
    await untilState('complete');
  });

  test('it can be used by keyboard and on a narrow screen', async () => {
    const narrow = await browser.newPage({ viewport: { width: 360, height: 700 } });
    await narrow.goto(server.url);
    await narrow.waitForSelector('#map[data-map=idle]', WAIT);
    const width = await narrow.evaluate<number>('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(360);
    await narrow.focus('#runs li:nth-child(1) button');
    const first = await narrow.getAttribute('#run', 'data-run');
    await narrow.keyboard.press('Tab');
    await narrow.keyboard.press('Enter');
    await until('the other run', async () => (await narrow.getAttribute('#run', 'data-run')) !== first);
    await narrow.close();
  });

  test('everything came from its own server, without a complaint', () => {
    expect([...origins]).toEqual([new URL(server.url).origin]);
    expect(problems).toEqual([]);
  });

  test('says that the server is gone, and goes on by itself when it is back', async () => {
    const config = parseConfig(redis.env);
    const first = await startDashboard({ runs, config });
    const port = Number(new URL(first.url).port);
    const other = await browser.newPage();
    await other.goto(first.url);
    await other.waitForSelector('body[data-connection=live]', WAIT);
    await first.close();
    await other.waitForSelector('body[data-connection=lost]', WAIT);
    const second = await startDashboard({ runs, config, port });
    await other.waitForSelector('body[data-connection=live]', WAIT);
    expect(await other.textContent('#connection')).toBe('live');
    await other.close();
    await second.close();
  });

  test('Bull Board shows the jobs, and changes nothing', async () => {
    const board = await browser.newPage();
    const failed: string[] = [];
    board.on('pageerror', (error) => failed.push(error.message));
    await board.goto(`${server.url}queues`);
    await board.waitForSelector('text=tilewright-metatiles', WAIT);
    expect(failed).toEqual([]);
    await board.close();
    const refused = await fetch(`${server.url}queues/api/queues/tilewright-metatiles/pause`, { method: 'PUT' });
    expect(refused.status).toBe(405);
    expect(await queues.metatileQueue.isPaused()).toBe(false);
  });

  test('with a token the page is behind a form', async () => {
    const token = 'correct-horse-battery';
    const config = parseConfig({ ...redis.env, TILEWRIGHT_DASHBOARD_TOKEN: token });
    const guarded = await startDashboard({ runs, config, host: '0.0.0.0' });
    const context = await browser.newContext();
    const visitor = await context.newPage();
    const address = `http://127.0.0.1:${new URL(guarded.url).port}/`;
    await visitor.goto(address);
    await visitor.fill('#token', 'something-else-entirely');
    await visitor.click('button');
    await visitor.waitForSelector('text=wrong token', WAIT);
    await visitor.fill('#token', token);
    await visitor.click('button');
    await visitor.waitForSelector('body[data-connection=live]', WAIT);
    expect(visitor.url()).not.toContain(token);
    expect(await visitor.evaluate('document.cookie')).toBe('');
    await visitor.click('#log-out');
    await visitor.waitForSelector('#token', WAIT);
    await context.close();
    await guarded.close();
  });
});

describe('tilewright dashboard', () => {
  test('prints its address, answers, and ends with 0', async () => {
    await using running = startCli(['dashboard', '--port', '0'], { env: redis.env });
    const url = await until('the address', () => /^http:\S+/.exec(running.stdout())?.[0] ?? null);
    expect(await (await fetch(`${url}api/remaining`)).json()).toEqual({ remaining: 0 });
    expect(await (await fetch(`${url}metrics`)).text()).toContain('tilewright_metatiles_remaining 0');
    expect((await fetch(`${url}readyz`)).status).toBe(200);
    running.kill('SIGTERM');
    assertExit(await running.finished, 0);
  });

  test('shows the run of a folder', async () => {
    const output = join(world.folder, 'local');
    assertExit(await runCli(['render', await world.request({ output, name: 'Local' })]), 0);
    await using running = startCli(['dashboard', output, '--port', '0']);
    const url = await until('the address', () => /^http:\S+/.exec(running.stdout())?.[0] ?? null);
    await page.goto(url);
    await untilState('complete');
    await untilCells('squares done', ([todo, , done = 0]) => todo === 0 && done > 0);
    expect(await page.textContent('#run-name')).toBe('Local');
  });

  test('shows the tiles of an archive, and of which version they are', async () => {
    const output = join(world.folder, 'archive/world.pmtiles');
    assertExit(await runCli(['render', await world.request({ output, name: 'Archive' })]), 0);
    await using running = startCli(['dashboard', output, '--port', '0']);
    const url = await until('the address', () => /^http:\S+/.exec(running.stdout())?.[0] ?? null);
    const answers: number[] = [];
    page.on('response', (response) => {
      if (response.url().startsWith(url) && response.url().includes('/tiles/')) answers.push(response.status());
    });
    await page.goto(url);
    await untilState('complete');
    await until('the version', async () =>
      /^of version 1-[0-9a-f]{8}$/.test((await page.textContent('#map-version')) ?? ''),
    );
    await until('tiles', () => answers.includes(200));
    expect(await page.isVisible('#map-version')).toBe(true);
  });

  test('listens beyond this machine with a token only', async () => {
    const { code, stderr } = await runCli(['dashboard', '--host', '0.0.0.0', '--port', '0'], { env: redis.env });
    expect(code).toBe(2);
    expect(stderr).toContain('TILEWRIGHT_DASHBOARD_TOKEN');
  });
});
