import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureBuilt } from '../support/build.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';
import { startPgStac } from '../support/pgstac.ts';
import type { PgStac } from '../support/pgstac.ts';
import { assertExit, runCli, startCli, until } from '../support/processes.ts';
import { findRealData } from '../support/real-data.ts';
import { filesOf } from '../support/small-world.ts';
import { seededRandom } from '../support/tiff-mutations.ts';
import { printTable } from './measured-run.ts';
import { startMonthCatalog } from './month-catalog.ts';
import type { MonthCatalog } from './month-catalog.ts';

const HEAD = ['day', 'what happened', 'meanwhile', 'looks', 'searches', 'dirty', 'rendered', 'all', 'bytes'];

/** Looks until one finds nothing to do: more than that are a fault. */
const MAX_LOOKS = 12;

/** An outage is told soon. */
const ENV = { TILEWRIGHT_STAC_RETRIES: '1' };

/** What `watch --json` says of a look, as far as it is counted. */
interface LookRecord {
  readonly searches: number;
  readonly metatiles: { readonly dirty: number | null; readonly looked: number; readonly unchanged: number };
  readonly state: string;
}

/** What the looks of a day came to. */
interface DayCounts {
  looks: number;
  searches: number;
  dirty: number;
  rendered: number;
}

interface Month {
  readonly server: PgStac;
  readonly proxy: FaultProxy;
  readonly catalog: MonthCatalog;
  readonly random: () => number;
  readonly folder: string;
  readonly path: string;
  readonly output: string;
}

/** What can be away: one of the two that a STAC API is made of. */
interface Service {
  readonly name: string;
  readonly kill: (server: PgStac) => Promise<void>;
  readonly start: (server: PgStac) => Promise<void>;
}

const API: Service = { name: 'the API', kill: (server) => server.killApi(), start: (server) => server.startApi() };
const DATABASE: Service = {
  name: 'the database',
  kill: (server) => server.killDatabase(),
  start: (server) => server.startDatabase(),
};

/**
 * A month of a catalog on a real STAC API with transactions, over real and made scenes: every day some items change, and by
 * chance a server dies, or the watcher, or the catalog changes meanwhile. After each day the output is compared with a full
 * render of the catalog as it then is.
 *
 * BENCH_SEED: decides what happens. BENCH_DAYS: by default 31. BENCH_OUTPUT: `out` (default) or `out.pmtiles`.
 */
export async function benchWatchMonth(): Promise<void> {
  const data = findRealData();
  if (data === null) return;
  await ensureBuilt();
  const seed = Number(process.env['BENCH_SEED'] ?? 1);
  const days = Number(process.env['BENCH_DAYS'] ?? 31);
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-month-'));
  try {
    await using server = await startPgStac();
    await using proxy = await startFaultProxy(server.url);
    await using catalog = await startMonthCatalog(data, server, random);
    const [path, output] = [join(folder, 'request.json'), join(folder, process.env['BENCH_OUTPUT'] ?? 'out')];
    await writeFile(path, JSON.stringify(requestOf(`${proxy.url}/search`, output)));
    const month = { server, proxy, catalog, random, folder, path, output };
    const rows: (readonly string[])[] = [];
    const sum: DayCounts & { all: number } = { ...noCounts(), all: 0 };
    for (let day = 0; day <= days; day++) {
      const { cells, counts, all } = await live(month, day);
      rows.push(cells);
      process.stderr.write(`${cells.join(' | ')}\n`);
      if (day === 0) continue;
      for (const name of ['looks', 'searches', 'dirty', 'rendered'] as const) sum[name] += counts[name];
      sum.all += all;
    }
    const { looks, searches, dirty, rendered, all } = sum;
    printTable(HEAD, [...rows, ['all but day 0', '', '', ...[looks, searches, dirty, rendered, all].map(String), '']]);
    process.stdout.write(
      `\nseed ${seed}, ${catalog.size()} items at the end, ${proxy.passed.length} requests to the API\n`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requestOf(url: string, output: string): object {
  return {
    mosaic: { type: 'stac', url, query: { collections: ['sentinel-2-l2a'] } },
    area: { bbox: [15.0, 45.06, 16.46, 46.96] },
    minzoom: 6,
    maxzoom: 12,
    metatileSize: 2,
    assets: ['red'],
    nodata: 0,
    rescale: [[0, 3000]],
    resampling: 'bilinear',
    output,
  };
}

function noCounts(): DayCounts {
  return { looks: 0, searches: 0, dirty: 0, rendered: 0 };
}

interface Day {
  readonly cells: readonly string[];
  readonly counts: DayCounts;
  /** Metatiles of a full render. */
  readonly all: number;
}

async function live(month: Month, day: number): Promise<Day> {
  const { catalog, random, path } = month;
  const changes: string[] = [];
  const many = day === 0 ? 0 : 1 + Math.floor(random() * 3);
  for (let i = 0; i < many; i++) changes.push(await catalog.change());
  const counts = noCounts();
  const meanwhile = day === 0 ? '' : await disturb(month, counts);
  let isSettled = false;
  for (let looks = 0; looks < MAX_LOOKS && !isSettled; looks++) isSettled = await look(path, counts);
  if (!isSettled) throw new Error(`Day ${day}: something is left to do after ${MAX_LOOKS} looks`);
  const all = await compare(month, day);
  const numbers = [counts.looks, counts.searches, counts.dirty, counts.rendered, all].map(String);
  return { cells: [String(day), changes.join('; '), meanwhile, ...numbers, 'the same'], counts, all };
}

/** One look; true if there was nothing to do. */
async function look(path: string, counts: DayCounts): Promise<boolean> {
  const { code, stdout } = await runCli(['watch', path, '--once', '--json', '--processes', '2'], { env: ENV });
  const records = addLooks(stdout, counts);
  return code === 0 && records.at(-1)?.state === 'unchanged';
}

function addLooks(stdout: string, counts: DayCounts): readonly LookRecord[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('{"event":"look"'));
  const records = lines.map((line) => JSON.parse(line) as LookRecord);
  for (const { searches, metatiles } of records) {
    counts.looks++;
    counts.searches += searches;
    counts.dirty += metatiles.looked;
    counts.rendered += metatiles.looked - metatiles.unchanged;
  }
  return records;
}

/** Looks while something goes wrong, or does not; in words. */
async function disturb(month: Month, counts: DayCounts): Promise<string> {
  const { server, catalog, random, path } = month;
  const roll = Math.floor(random() * 8);
  if (roll < 2) return await withoutServer(month, roll === 0 ? API : DATABASE);
  if (roll > 5) return '';
  await using watcher = startCli(['watch', path, '--once', '--json', '--processes', '2'], { env: ENV });
  const reads = catalog.files.seen.length + 1 + Math.floor(random() * 40);
  const ended = { value: false };
  void watcher.finished.then(() => (ended.value = true));
  await until('reads of files, or the end', () => ended.value || catalog.files.seen.length >= reads);
  const when = ended.value ? ' after the look' : '';
  let what = `the watcher killed${when}`;
  if (roll < 4) {
    const { name, kill, start } = roll === 2 ? API : DATABASE;
    await kill(server);
    await start(server);
    what = `${name} killed and started${when}`;
  } else if (roll === 4) {
    what = `${await catalog.change()}${when}`;
  } else {
    watcher.kill('SIGKILL');
  }
  addLooks((await watcher.finished).stdout, counts);
  return what;
}

/** A look at a catalog that is away changes nothing. */
async function withoutServer({ server, path, output }: Month, { name, kill, start }: Service): Promise<string> {
  const before = await digestOf(output);
  await kill(server);
  assertExit(await runCli(['watch', path, '--once', '--json', '--processes', '2'], { env: ENV }), 1);
  if ((await digestOf(output)) !== before) throw new Error(`Tiles changed while ${name} was away`);
  await start(server);
  return `${name} away during a look`;
}

/** Renders the catalog as it is anew, and compares the bytes. @returns its metatiles */
async function compare({ path, output, folder }: Month, day: number): Promise<number> {
  const full = join(folder, 'full', output.endsWith('.pmtiles') ? 'out.pmtiles' : 'out');
  const rendered = await runCli(['render', path, '--json', '--output', full, '--processes', '2']);
  assertExit(rendered, 0);
  if ((await digestOf(full)) !== (await digestOf(output)))
    throw new Error(`Day ${day}: other bytes than a full render`);
  await rm(join(folder, 'full'), { recursive: true });
  return (JSON.parse(rendered.stdout.trim().split('\n').at(-1) ?? '') as { readonly metatiles: number }).metatiles;
}

/** Of the archive, or of all tiles with their addresses. */
async function digestOf(output: string): Promise<string> {
  const hash = createHash('sha256');
  if (output.endsWith('.pmtiles')) hash.update(await readFile(output));
  else for (const line of await filesOf(output)) if (/\.png /.test(line)) hash.update(`${line}\n`);
  return hash.digest('hex');
}
