import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPlan } from '../../jobs/plan-jobs.ts';
import type { TilesetPlan } from '../../jobs/plan-jobs.ts';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisServer } from '../support/redis.ts';
import { startAll } from '../support/server-process.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';

let world: SmallWorld;
let redis: RedisServer;
/** What one process renders, undisturbed: what every other way must give. */
let expected: readonly string[];

interface Summary {
  readonly rendered: number;
  readonly empty: number;
  readonly failed: number;
  readonly metatiles: number;
  readonly total: number;
  readonly io: { readonly searches: number; readonly writeRequests: number; readonly bytesRead: number };
}

/** The last line of `--json` output. */
function summaryOf(stdout: string): Summary {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Summary;
}

beforeAll(async () => {
  [world, redis] = await startAll(startSmallWorld(), startRedis());
  const { code, stderr } = await runCli(['render', await world.request(), '--output', out('one'), '--processes', '1']);
  assertExit({ code, stderr }, 0);
  expected = await filesOf(out('one'));
  if (expected.length < 40) throw new Error(`The world has only ${expected.length} files`);
}, INSTALL_TIMEOUT_MS);

beforeEach(() => {
  world.breakScenes([], 0);
  world.slowDown(0);
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

function out(name: string): string {
  return join(world.folder, name);
}

/** The plan of the world's request as it was made for an output. */
async function planOf(name: string): Promise<TilesetPlan> {
  const text = await readFile(join(out(name), 'tilewright.json'), 'utf8');
  const { sourceMinzoom } = JSON.parse(text) as { readonly sourceMinzoom?: number };
  return createPlan({
    ...parseTilesetRequest(JSON.parse(await readFile(await world.request(), 'utf8'))),
    sourceMinzoom,
  });
}

describe('render', () => {
  test.each([2, 3])(
    '%i processes give the bytes of one, with at most one search for each metatile',
    async (processes) => {
      const name = `processes-${processes}`;
      const before = world.stac.searches.length;
      const { code, stdout, stderr } = await runCli([
        'render',
        await world.request(),
        '--output',
        out(name),
        '--processes',
        String(processes),
        '--json',
      ]);
      assertExit({ code, stderr }, 0);
      expect(await filesOf(out(name))).toStrictEqual(expected);
      const summary = summaryOf(stdout);
      expect(summary.rendered + summary.empty).toBe(summary.total);
      expect(summary.empty).toBeGreaterThan(0);
      // One more to ask the sources how far they reach.
      expect(world.stac.searches.length - before).toBeLessThanOrEqual(summary.metatiles + 1);
      expect(summary.io.searches).toBe(world.stac.searches.length - before);
      // Every tile, what metatiles hand on and what each stages, the manifest twice, the records, the versions, and three
      // documents: TileJSON, style and STAC item.
      const handedOn = [...(await planOf(name)).works()].filter((work) => work.handedOn !== null);
      expect(handedOn.length).toBeGreaterThan(0);
      expect(summary.io.writeRequests).toBe(summary.rendered + handedOn.length + summary.metatiles + 7);
    },
  );

  test('other sizes of metatile give the same tiles', async () => {
    const { code, stderr } = await runCli(['render', await world.request({ metatileSize: 16, output: 'sixteen' })]);
    assertExit({ code, stderr }, 0);
    const tiles = (files: readonly string[]): readonly string[] => files.filter((file) => file.includes('.png'));
    expect(tiles(await filesOf(out('sixteen')))).toStrictEqual(tiles(expected));
  });

  test('a finished output is left as it is, without a single request; --force renders it again', async () => {
    const request = await world.request({ output: 'twice' });
    await runCli(['render', request]);
    const [searches, reads] = [world.stac.searches.length, world.reads()];
    const again = await runCli(['render', request]);
    assertExit(again, 0);
    expect(again.stdout).toMatch(/^complete already: \d+ tiles/);
    expect([world.stac.searches.length, world.reads()]).toStrictEqual([searches, reads]);
    const forced = await runCli(['render', request, '--force', '--json']);
    assertExit(forced, 0);
    expect(summaryOf(forced.stdout).rendered).toBeGreaterThan(0);
    expect(world.reads()).toBeGreaterThan(reads);
  });

  test('another request is refused, unless forced', async () => {
    await runCli(['render', await world.request({ output: 'taken', maxzoom: 2 })]);
    const before = await filesOf(out('taken'));
    const other = await world.request({ output: 'taken', maxzoom: 3 });
    const refused = await runCli(['render', other]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^STORE_CONFLICT: /m);
    expect(await filesOf(out('taken'))).toStrictEqual(before);
    expect((await runCli(['render', other, '--force'])).code).toBe(0);
  });

  test('a damaged tilewright.json is refused, and --force renders all anew', async () => {
    const request = await world.request({ output: 'damaged', maxzoom: 2 });
    await runCli(['render', request]);
    const before = await filesOf(out('damaged'));
    await writeFile(join(out('damaged'), 'tilewright.json'), '{"v":1,');
    const refused = await runCli(['render', request]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^STORE_CONFLICT: .*tilewright\.json.*found no JSON; --force renders all anew/m);
    assertExit(await runCli(['render', request, '--force']), 0);
    const tiles = (files: readonly string[]): readonly string[] => files.filter((file) => file.includes('.png'));
    expect(tiles(await filesOf(out('damaged')))).toStrictEqual(tiles(before));
  });

  test('what a failed run left for others to be made of is never taken by the next', async () => {
    const partsOf = async (): Promise<readonly string[]> => {
      const paths = await readdir(join(out('left-behind'), '.tilewright', 'parts'), { recursive: true });
      return paths.filter((path) => path.endsWith('.part')).map((path) => path.slice(0, -'.part'.length));
    };
    const fields = { output: 'left-behind', sourceMinzoom: 5 };
    world.breakScenes(['south-east'], 404);
    assertExit(await runCli(['render', await world.request(fields)]), 3);
    const before = await partsOf();

    world.breakScenes(['north-west'], 404);
    const other = await world.request({ ...fields, resampling: 'bilinear' });
    const failed = await runCli(['render', other, '--force', '--json']);
    assertExit(failed, 3);
    const lines = failed.stdout.trim().split('\n').slice(0, -1);
    const failures = new Set(lines.map((line) => (JSON.parse(line) as { readonly tile: string }).tile));
    expect(before.filter((tile) => failures.has(tile))).not.toEqual([]);
    expect((await partsOf()).filter((tile) => failures.has(tile))).toEqual([]);
  });

  test('a tile that is empty now is deleted where it was not', async () => {
    const request = await world.request({ output: 'shrinking', minzoom: 5 });
    await runCli(['render', request]);
    const before = await filesOf(out('shrinking'));
    const items = world.stac;
    const other = await world.request({
      output: 'shrinking',
      minzoom: 5,
      mosaic: { type: 'stac', url: items.searchUrl, query: { collections: ['scenes'], ids: ['south-west'] } },
    });
    expect((await runCli(['render', other, '--force'])).code).toBe(0);
    const after = (await filesOf(out('shrinking'))).filter((file) => file.includes('.png'));
    expect(after.length).toBeGreaterThan(0);
    const fresh = await world.request({ ...JSON.parse(await readFile(other, 'utf8')), output: 'fresh' });
    expect((await runCli(['render', fresh])).code).toBe(0);
    expect(after).toStrictEqual((await filesOf(out('fresh'))).filter((file) => file.includes('.png')));
    expect(after.length).toBeLessThan(before.length);
  });

  test('failed scenes end with 3 and the list; the same command then renders just what is missing', async () => {
    world.breakScenes(['south-east'], 404);
    const request = await world.request({ output: 'failing' });
    const failed = await runCli(['render', request, '--json']);
    assertExit(failed, 3);
    const summary = summaryOf(failed.stdout);
    const listed = failed.stdout
      .trim()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { code: string });
    expect(summary.failed).toBeGreaterThan(0);
    expect(listed).toHaveLength(summary.failed);
    expect(new Set(listed.map(({ code }) => code))).toStrictEqual(new Set(['ASSET_NOT_FOUND', 'TILE_CHILD_FAILED']));
    expect(summary.rendered + summary.empty + summary.failed).toBe(summary.total);
    const manifest = JSON.parse(await readFile(join(out('failing'), 'tilewright.json'), 'utf8')) as {
      readonly state: string;
      readonly failures: readonly unknown[];
    };
    expect(manifest.state).toBe('failed');
    expect(manifest.failures).toHaveLength(summary.failed);

    world.breakScenes([], 0);
    const writes = (text: string): number => summaryOf(text).io.writeRequests;
    const healed = await runCli(['render', request, '--json']);
    assertExit(healed, 0);
    expect(writes(healed.stdout)).toBeLessThan(writes(failed.stdout) + summary.failed);
    expect(await filesOf(out('failing'))).toStrictEqual(expected);
  });

  test('a passing fault is waited out', async () => {
    world.breakScenes(['north-west'], 503);
    const reads = world.reads();
    const env = { TILEWRIGHT_SOURCE_RETRIES: '0', TILEWRIGHT_BACKOFF_MS: '100', TILEWRIGHT_ATTEMPTS: '20' };
    await using running = startCli(['render', await world.request({ output: 'passing' })], { env });
    await until('some failed reads', () => world.reads() > reads + 2);
    world.breakScenes([], 0);
    const { code, stderr } = await running.finished;
    assertExit({ code, stderr }, 0);
    expect(await filesOf(out('passing'))).toStrictEqual(expected);
  });
});

describe('seed and worker', () => {
  test.each([1, 2, 3])('%i worker processes give the bytes of render', async (processes) => {
    const name = `queue-${processes}`;
    const { env } = redis;
    await using workers = startCli(['worker', '--processes', String(processes)], { env });
    const before = world.stac.searches.length;
    const { code, stdout, stderr } = await runCli(['seed', await world.request({ output: name }), '--wait', '--json'], {
      env,
    });
    assertExit({ code, stderr }, 0);
    const summary = summaryOf(stdout);
    expect(await filesOf(out(name))).toStrictEqual(expected);
    // One more: the seed asks about the first metatile before it enqueues anything.
    expect(world.stac.searches.length - before).toBeLessThanOrEqual(summary.metatiles + 1);
    workers.kill('SIGTERM');
    const stopped = await workers.finished;
    assertExit(stopped, 0);
  });

  test('failed tiles end with 3 and are listed; retry renders just them', async () => {
    const { env } = redis;
    world.breakScenes(['south-east'], 404);
    await using workers = startCli(['worker', '--processes', '2'], { env });
    const request = await world.request({ output: 'queue-failing' });
    const failed = await runCli(['seed', request, '--wait', '--json'], { env });
    assertExit(failed, 3);
    const { run } = JSON.parse(failed.stdout.split('\n')[0] ?? '') as { readonly run: string };
    const status = await runCli(['status', run, '--json'], { env });
    const shown = JSON.parse(status.stdout) as { readonly state: string; readonly failures: readonly unknown[] };
    expect(shown.state).toBe('failed');
    expect(shown.failures).toHaveLength(summaryOf(failed.stdout).failed);

    world.breakScenes([], 0);
    const retried = await runCli(['retry', run], { env });
    assertExit(retried, 0);
    const followed = await runCli(['seed', request, '--wait', '--json'], { env });
    assertExit(followed, 0);
    expect(await filesOf(out('queue-failing'))).toStrictEqual(expected);
    workers.kill('SIGTERM');
    expect((await workers.finished).code).toBe(0);
  });

  test('a second seed finds the first; cancel stops it, retry takes it up', async () => {
    const { env } = redis;
    const request = await world.request({ output: 'queue-found' });
    expect((await runCli(['seed', request], { env })).stdout).toMatch(/^created the run/);
    const found = await runCli(['seed', request], { env });
    expect(found.stdout).toMatch(/^found the run/);
    const run = found.stdout.trim().split(' ').at(-1) ?? '';
    expect((await runCli(['cancel', run], { env })).code).toBe(0);
    expect((await runCli(['cancel', run], { env })).code).toBe(2);
    await using workers = startCli(['worker', '--processes', '1'], { env });
    const cancelled = await runCli(['seed', request, '--wait'], { env });
    expect(cancelled.stdout).toMatch(/^continued the run/);
    assertExit(cancelled, 0);
    expect(await filesOf(out('queue-found'))).toStrictEqual(expected);
    workers.kill('SIGTERM');
    expect((await workers.finished).code).toBe(0);
    await rm(out('queue-found'), { recursive: true });
    expect((await runCli(['seed', request], { env })).stdout).toMatch(/^created the run/);
    expect((await runCli(['cancel', run], { env })).code).toBe(0);
  });
});
