import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { assertExit, childrenOf, runCli, startCli, until } from '../support/processes.ts';
import type { Running } from '../support/processes.ts';
import { filesOf, startSmallWorld } from '../support/small-world.ts';
import type { SmallWorld } from '../support/small-world.ts';
import { boxItem } from '../support/stac-items.ts';
import { startStacServer } from '../support/stac-server.ts';
import type { StacServer } from '../support/stac-server.ts';
import { writeCog } from '../support/synthetic-cog.ts';

/**
 * Scenes of one block each, sent slowly: eight on each other of 48 MiB once they are decoded, and eight in a row of 12 MiB,
 * with which memory grows more gently.
 */
interface LargeWorld extends AsyncDisposable {
  readonly folder: string;
  /** Writes a request for the eight on each other, or the eight in a row, and gives its path. */
  request(output: string, which: 'pile' | 'row'): Promise<string>;
}

const SIDES = { pile: 4096, row: 2048 } as const;
const DEGREES = 8;
/** Memory grows in the time of several looks at it from a limit to one and a half times that. */
const SEND_AFTER_MS = { pile: 400, row: 800 } as const;

async function startLargeWorld(): Promise<LargeWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-large-'));
  const items = Array.from({ length: 8 }, (_, i) => [
    { id: `pile-${i}`, west: 0, side: SIDES.pile },
    { id: `row-${i}`, west: 10 + DEGREES * i, side: SIDES.row },
  ]).flat();
  const files = new Map<string, Uint8Array>();
  for (const { id, west, side } of items) {
    const known = west === 0 ? files.get('/pile-0.tif') : undefined;
    files.set(`/${id}.tif`, known ?? sceneBytes(west, side));
  }
  const stac: StacServer = await startStacServer({
    items: [],
    fallback: (request, response) => {
      const url = request.url ?? '';
      const file = files.get(url);
      if (file === undefined) return false;
      const [, from = '0', to] = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.range ?? '') ?? [];
      const end = Math.min(file.length, to === undefined ? file.length : Number(to) + 1);
      // The pixels of the last one never come, so that its process holds all others until it is killed.
      if (url === '/pile-7.tif' && Number(from) > 0) return true;
      const answer = (): void => {
        response.writeHead(206, {
          'content-length': end - Number(from),
          'content-range': `bytes ${from}-${end - 1}/${file.length}`,
          etag: '"1"',
        });
        response.end(file.subarray(Number(from), end));
      };
      // Memory grows by pixels, and not by what is read first.
      setTimeout(answer, Number(from) === 0 ? 0 : SEND_AFTER_MS[url.startsWith('/pile') ? 'pile' : 'row']);
      return true;
    },
  });
  stac.serve(
    items.map(({ id, west }) =>
      boxItem(id, [west, 0, west + DEGREES, DEGREES], { assets: { visual: { href: `${stac.url}/${id}.tif` } } }),
    ),
  );
  return {
    folder,
    async request(output, which) {
      const path = join(folder, `${output}.json`);
      const ids = items.map(({ id }) => id).filter((id) => id.startsWith(which));
      const mosaic = { type: 'stac', url: stac.searchUrl, query: { collections: ['scenes'], ids } };
      const area = { bbox: which === 'pile' ? [1, 1, 7, 5] : [11, 1, 10 + 8 * DEGREES, 5] };
      const zooms = { minzoom: 6, maxzoom: 6, sourceMinzoom: 6 };
      const request = { mosaic, area, ...zooms, metatileSize: 1, assets: ['visual'], pixelSelection: 'mean', output };
      await writeFile(path, JSON.stringify(request));
      return path;
    },
    async [Symbol.asyncDispose]() {
      await stac[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One block of nines, from the equator up. */
function sceneBytes(west: number, side: number): Uint8Array {
  const band = new Uint8Array(side * side).fill(9);
  const transform = [DEGREES / side, 0, west, 0, -DEGREES / side, DEGREES] as const;
  return writeCog({ width: side, height: side, bands: [band, band, band], epsg: 4326, transform, blockSize: side });
}

let world: SmallWorld;
let large: LargeWorld;

beforeAll(async () => {
  [world, large] = await Promise.all([startSmallWorld(), startLargeWorld()]);
});

beforeEach(() => {
  world.restore();
});

afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await large[Symbol.asyncDispose]();
});

function firstLine(stdout: string): unknown {
  return JSON.parse(stdout.split('\n')[0] ?? '');
}

test('a metatile that makes its process hold too much memory is failed, and says so', async () => {
  const request = await large.request('outgrown', 'pile');
  const ended = await runCli(['render', request, '--processes', '1', '--json'], {
    env: { TILEWRIGHT_MAX_RSS_MIB: '160', TILEWRIGHT_BLOCK_CACHE_MIB: '1024', TILEWRIGHT_MAX_STALLED: '2' },
  });
  assertExit(ended, 3);
  expect(firstLine(ended.stdout)).toMatchObject({
    code: 'WORKER_LOST',
    message: expect.stringContaining('its process held more than 240 MiB of memory and was killed 2 times') as string,
  });
});

test('a process that holds too much memory is replaced once it is idle, and loses nothing', async () => {
  const start = async (output: string, maxRss: string): Promise<Running> =>
    startCli(['render', await large.request(output, 'row'), '--processes', '1'], {
      env: { TILEWRIGHT_MAX_RSS_MIB: maxRss, TILEWRIGHT_BLOCK_CACHE_MIB: '1024' },
    });
  await using plenty = await start('plenty', '2048');
  const ended = await plenty.finished;
  assertExit(ended, 0);
  expect(ended.stderr).not.toContain('replacing');
  await using scarce = await start('scarce', '160');
  const replaced = await scarce.finished;
  assertExit(replaced, 0);
  expect(replaced.stderr).toMatch(/replacing process \d+: it holds more than TILEWRIGHT_MAX_RSS_MIB allows/);
  expect(await filesOf(join(large.folder, 'scarce'))).toStrictEqual(await filesOf(join(large.folder, 'plenty')));
});

test('a process that gives no sign of life is killed; a metatile that does so every time is failed', async () => {
  const request = await world.request({ output: 'hung', maxzoom: 0 });
  await using running = startCli(['render', request, '--processes', '1', '--json'], {
    // Longer than a busy machine may keep a process that is well from giving a sign.
    env: { TILEWRIGHT_HANG_MS: '3000', TILEWRIGHT_MAX_STALLED: '2' },
  });
  // Slow only until the sources have been asked.
  world.slowDown(500);
  await until('the run to begin', () => running.stderr().includes('"progress"'));
  const held = world.hold();
  for (let times = 0; times < 2; times++) {
    await until('a read of the metatile', () => held.waiting() > 0);
    const [child] = await childrenOf(running.pid);
    if (child !== undefined) process.kill(child, 'SIGSTOP');
    await until('its end', async () => child !== undefined && !(await childrenOf(running.pid)).includes(child));
    await until('its reads to end', () => held.waiting() === 0);
  }
  held.release();
  const ended = await running.finished;
  assertExit(ended, 3);
  expect(firstLine(ended.stdout)).toMatchObject({
    tile: '0/0/0',
    code: 'WORKER_LOST',
    message: expect.stringContaining('its process gave no sign of life for 3000 ms and was killed 2 times') as string,
  });
  world.slowDown(0);
  assertExit(await runCli(['render', request]), 0);
});
