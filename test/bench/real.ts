import { createHash } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { startFileServer } from '../demo/file-server.ts';
import { ensureBuilt } from '../support/build.ts';
import { assertExit, runCli, startCli } from '../support/processes.ts';
import { findRealData } from '../support/real-data.ts';
import { startRedis } from '../support/redis.ts';
import { startRustac } from '../support/rustac.ts';

interface Mosaic {
  readonly name: string;
  readonly request: object;
}

const WORLD: Mosaic = {
  name: 'world-mosaic z0 to z5',
  request: {
    mosaic: { type: 'stac', query: { collections: ['world'] }, sortby: ['+id'] },
    area: { bbox: [-180, -85.06, 180, 85.06] },
    minzoom: 0,
    maxzoom: 5,
    assets: ['asset'],
    resampling: 'bilinear',
  },
};

const SENTINEL: Mosaic = {
  name: 's2-33TW-mosaic z6 to z11',
  request: {
    mosaic: {
      type: 'stac',
      query: { collections: ['sentinel-2-l2a'], datetime: '2023-08-15T00:00:00Z/2023-08-16T00:00:00Z' },
    },
    area: { bbox: [15.0, 45.06, 16.46, 46.96] },
    minzoom: 6,
    maxzoom: 11,
    assets: ['red', 'green', 'blue'],
    nodata: 0,
    rescale: [[0, 3000]],
    resampling: 'bilinear',
  },
};

interface Run {
  readonly engine: string;
  readonly rendered: number;
  readonly empty: number;
  readonly failed: number;
  readonly seconds: number;
  readonly io: Readonly<Record<'searches' | 'readRequests' | 'bytesRead' | 'bytesWritten', number>>;
  readonly digest: string;
}

/**
 * Renders both real mosaics through a real STAC API and HTTP range requests, on one machine with one and two processes
 * and through Redis with two, and compares the outputs byte for byte.
 */
export async function benchReal(): Promise<void> {
  const data = findRealData();
  if (data === null) return;
  await ensureBuilt();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-bench-'));
  try {
    process.stdout.write(`${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}\n`);
    for (const mosaic of [WORLD, SENTINEL]) await benchMosaic(mosaic, data, folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function benchMosaic({ name, request }: Mosaic, data: string, folder: string): Promise<void> {
  const servers = new Map<string, Awaited<ReturnType<typeof startFileServer>>>();
  const items = await readItems(data, async (path) => {
    const server = servers.get(path) ?? (await startFileServer(path));
    servers.set(path, server);
    return server.url;
  });
  await using stac = await startRustac(items);
  await using redis = await startRedis();
  const path = join(folder, 'request.json');
  const mosaic = { ...(request as { mosaic: object }).mosaic, url: `${stac.url}/search` };
  await writeFile(path, JSON.stringify({ ...request, mosaic, output: 'unused' }));
  const render = async (processes: number): Promise<Run> => {
    const output = join(folder, `render-${processes}`);
    const args = ['render', path, '--json', '--processes', String(processes), '--output', output];
    return await finish(`render, ${processes} processes`, runCli(args), output);
  };
  const runs = [await render(1), await render(2), await seed(path, join(folder, 'seed'), redis.env)];
  report(name, runs);
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
  for (const entry of await readdir(folder)) await rm(join(folder, entry), { recursive: true });
}

async function seed(path: string, output: string, env: Readonly<Record<string, string>>): Promise<Run> {
  await using worker = startCli(['worker', '--processes', '2'], { env });
  const run = await finish(
    'seed + worker, 2 processes',
    runCli(['seed', path, '--json', '--wait', '--output', output], { env }),
    output,
  );
  worker.kill('SIGTERM');
  assertExit(await worker.finished, 0);
  return run;
}

async function finish(engine: string, running: ReturnType<typeof runCli>, output: string): Promise<Run> {
  const finished = await running;
  assertExit(finished, 0);
  const summary = JSON.parse(finished.stdout.trim().split('\n').at(-1)!) as Omit<Run, 'engine' | 'digest'>;
  return { ...summary, engine, digest: await digestOf(output) };
}

/** One digest over the names and bytes of all files of a folder, hidden ones left out. */
async function digestOf(folder: string): Promise<string> {
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.map((one) => relative(folder, one)).toSorted()) {
    if (!file.startsWith('.')) hash.update(`${file}\0`).update(await readFile(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

function report(name: string, runs: readonly Run[]): void {
  const lines = [
    '',
    `### ${name}`,
    '',
    '| engine | tiles | empty | failed | seconds | ms a tile | searches | range requests | MB read | MB written | SHA-256 of all files |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...runs.map(({ engine, rendered, empty, failed, seconds, io, digest }) => {
      const perTile = ((seconds * 1000) / (rendered + empty)).toFixed(1);
      const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
      return `| ${engine} | ${rendered} | ${empty} | ${failed} | ${seconds.toFixed(1)} | ${perTile} | ${io.searches} | ${io.readRequests} | ${megabytes(io.bytesRead)} | ${megabytes(io.bytesWritten)} | ${digest} |`;
    }),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (new Set(runs.map(({ digest }) => digest)).size !== 1) throw new Error(`${name}: the outputs differ`);
}

const SENTINEL_FILES: Readonly<Record<string, string>> = { red: 'B04.tif', green: 'B03.tif', blue: 'B02.tif' };

/** The items of both mosaics, with hrefs to where `serve` serves the folders of their files. */
async function readItems(data: string, serve: (folder: string) => Promise<string>): Promise<readonly unknown[]> {
  type Item = { readonly assets: Record<string, { href: string }> };
  const world = join(data, 'world-mosaic');
  const worldUrl = await serve(world);
  const lines = (await readFile(join(world, 'items.json'), 'utf8')).split('\n').filter((line) => line !== '');
  const items = lines.map((line) => JSON.parse(line) as Item);
  for (const asset of items.flatMap((item) => Object.values(item.assets))) {
    asset.href = `${worldUrl}/${basename(asset.href)}`;
  }
  const sentinel = join(data, 's2-33TW-mosaic');
  for (const entry of await readdir(sentinel, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const scene = join(sentinel, entry.name);
    const url = await serve(scene);
    const item = JSON.parse(await readFile(join(scene, `${entry.name}.json`), 'utf8')) as Item;
    for (const [key, asset] of Object.entries(item.assets)) {
      asset.href = `${url}/${SENTINEL_FILES[key] ?? 'absent.tif'}`;
    }
    items.push(item);
  }
  return items;
}
