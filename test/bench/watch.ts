import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ITEMS = 100_000;
const FIELDS = 'https://api.stacspec.org/v1.0.0/item-search#fields';

/** Looks at a catalog of 100,000 items like those of Sentinel-2: the first one, and one that finds nothing new. */
export async function benchWatch(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-watch-'));
  try {
    for (const conformsTo of [[FIELDS], []]) {
      const state = join(folder, `state-${conformsTo.length}`);
      await using server = await startCatalog(conformsTo);
      for (const name of ['first look', 'no-op look']) {
        const bytesBefore = server.bytes();
        const job = fileURLToPath(new URL('watch-job.ts', import.meta.url));
        const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', job, server.url, state]);
        const mib = Math.round((server.bytes() - bytesBefore) / 2 ** 20);
        process.stdout.write(
          `${name}, ${conformsTo.length > 0 ? 'with' : 'without'} fields: ${mib} MiB sent, ${stdout}`,
        );
      }
      const { size } = await stat(join(state, 'watch-items-a.ndjson.gz'));
      process.stdout.write(`state of the items: ${(size / 2 ** 20).toFixed(1)} MiB\n`);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Catalog extends AsyncDisposable {
  readonly url: string;
  readonly bytes: () => number;
}

/** Items that are made as they are asked for; thinned out they keep three of thirty assets. */
async function startCatalog(conformsTo: readonly string[]): Promise<Catalog> {
  let [base, bytes] = ['', 0];
  const server = createServer((request, response) => {
    void (async () => {
      let body = '';
      for await (const part of request as AsyncIterable<Buffer>) body += part.toString();
      const search = (body === '' ? {} : JSON.parse(body)) as { token?: number; limit?: number; fields?: object };
      const links = [{ rel: 'search', href: `${base}/search`, method: 'POST' }];
      const text = JSON.stringify(
        request.url === '/search' ? pageOf(search, base) : { type: 'Catalog', conformsTo, links },
      );
      bytes += text.length;
      response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: base,
    bytes: () => bytes,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pageOf(
  { token = 0, limit = 10, ...search }: { token?: number; limit?: number; fields?: object },
  base: string,
): object {
  const end = Math.min(ITEMS, token + limit);
  const features = Array.from({ length: end - token }, (_, i) => itemOf(token + i, search.fields !== undefined));
  const next = { rel: 'next', href: `${base}/search`, method: 'POST', merge: true, body: { token: end } };
  return { type: 'FeatureCollection', features, numberMatched: ITEMS, links: end < ITEMS ? [next] : [] };
}

const ASSETS = ['red', 'green', 'blue', ...Array.from({ length: 27 }, (_, i) => `asset-${i}`)];

function itemOf(number: number, isThin: boolean): object {
  const id = `S2A_${String(number).padStart(6, '0')}_20260601_0_L2A`;
  const west = -170 + (number % 340) + (number % 97) / 1000;
  const south = -60 + (Math.floor(number / 340) % 120) + (number % 89) / 1000;
  const ring = [
    [0, 0],
    [1.4213, 0.0121],
    [1.4388, 0.9934],
    [0.0131, 0.9871],
    [0, 0],
  ].map(([x = 0, y = 0]) => [west + x, south + y]);
  const keys = isThin ? ASSETS.slice(0, 3) : ASSETS;
  const bands = [{ nodata: 0, data_type: 'uint16', scale: 0.0001, offset: 0 }];
  const asset = (key: string): object => ({
    href: `https://sentinel-cogs.example.com/sentinel-s2-l2a-cogs/33/T/WN/2026/6/${id}/${key}.tif`,
    type: 'image/tiff; application=geotiff; profile=cloud-optimized',
    title: key,
    'proj:shape': [10_980, 10_980],
    'raster:bands': bands,
  });
  const times = { datetime: '2026-06-01T10:00:00Z', updated: '2026-06-02T00:00:00Z', 'proj:epsg': 32633 };
  const more = isThin ? {} : { platform: 'sentinel-2a', 'eo:cloud_cover': number % 100 };
  return {
    type: 'Feature',
    id,
    collection: 'sentinel-2-l2a',
    geometry: { type: 'Polygon', coordinates: [ring] },
    bbox: [west, south, west + 1.4388, south + 0.9934],
    properties: { ...times, ...more },
    assets: Object.fromEntries(keys.map((key) => [key, asset(key)])),
    links: [],
  };
}
