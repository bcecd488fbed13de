import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPreviewServer } from '../../jobs/preview/preview-server.ts';
import type { PreviewServer } from '../../jobs/preview/preview-server.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createFileStore } from '../../src/store/file-store.ts';
import { headerToBytes, parseHeader } from '../../src/store/pmtiles/header.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';
import {
  BLUE,
  configWith,
  GREEN,
  NEVER,
  pictureOf,
  publishTiles,
  quarters,
  RED,
  YELLOW,
} from '../support/preview-tilesets.ts';
import type { MadeTile } from '../support/preview-tilesets.ts';
import { startRangeServer } from '../support/range-server.ts';
import type { RangeServer } from '../support/range-server.ts';
import { startS3 } from '../support/s3.ts';
import type { S3Server } from '../support/s3.ts';

const BUCKET = 'preview';

let folder: string;
let s3: S3Server;
let http: RangeServer;
let tiles: readonly MadeTile[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-preview-places-'));
  [s3, http, tiles] = await Promise.all([startS3(), startRangeServer(), quarters([RED, GREEN, BLUE, null])]);
  await s3.createBucket(BUCKET);
  Object.assign(process.env, s3.env);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => {
  for (const name of Object.keys(s3.env)) delete process.env[name];
  await http[Symbol.asyncDispose]();
  await s3[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function preview(target: string): Promise<PreviewServer> {
  const config = configWith({ TILEWRIGHT_S3_FORCE_PATH_STYLE: 'true', TILEWRIGHT_SOURCE_RETRIES: '1' });
  return await startPreviewServer({ target, config, cwd: folder, ...NEVER });
}

async function withPreview<T>(target: string, look: (server: PreviewServer) => Promise<T>): Promise<T> {
  const server = await preview(target);
  try {
    return await look(server);
  } finally {
    await server.close();
  }
}

async function bytesAt(server: PreviewServer, path: string): Promise<Buffer> {
  const response = await fetch(new URL(path, server.url));
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

/** Every tile of the quarters is there, and what is between is not. */
async function expectTiles(server: PreviewServer, extension = 'png', expected = tiles): Promise<void> {
  for (const { tile, bytes } of expected) {
    const found = await bytesAt(server, `/tiles/${tile.z}/${tile.x}/${tile.y}.${extension}`);
    expect(found.equals(bytes)).toBe(true);
  }
  expect((await fetch(new URL(`/tiles/1/1/1.${extension}`, server.url))).status).toBe(204);
}

async function tileJsonOf(server: PreviewServer): Promise<Readonly<Record<string, unknown>>> {
  return (await (await fetch(new URL('/tilejson.json', server.url))).json()) as Readonly<Record<string, unknown>>;
}

describe('an archive', () => {
  test('in S3, where no object has its name, is found by its versions', async () => {
    const output = `s3://${BUCKET}/maps/world.pmtiles`;
    const options = { forcePathStyle: true };
    const old = await publishTiles(output, await quarters([YELLOW, YELLOW, YELLOW, null]), 1, options);
    const version = await publishTiles(output, tiles, 2, options);
    await withPreview(output, async (server) => {
      await expectTiles(server);
      expect(await tileJsonOf(server)).toMatchObject({ name: 'Four quarters', version: `1.2.0+${version.id}` });
      const before = await bytesAt(server, `/tiles/1/0/0.png?v=${old.id}`);
      expect(before.equals(tiles[0]?.bytes ?? Buffer.of())).toBe(false);
      expect((await bytesAt(server, '/archive.pmtiles')).length).toBe(version.bytes);
    });
  });

  test.each([
    ['png', 'png'],
    ['jpeg', 'jpg'],
    ['webp', 'webp'],
    ['avif', 'avif'],
  ] as const)('of %s pictures on an HTTP server, that nothing lies beside', async (format, extension) => {
    const output = join(folder, `${format}.pmtiles`);
    const pictures = await quarters([RED, GREEN, BLUE, null], format);
    await publishTiles(output, pictures, 1, { extension });
    http.put(`/${format}.pmtiles`, await readFile(output));
    await withPreview(`${http.url}/${format}.pmtiles`, async (server) => {
      await expectTiles(server, extension, pictures);
      expect(await tileJsonOf(server)).toMatchObject({ name: 'Four quarters', format: extension, tileSize: 256 });
      expect((await bytesAt(server, '/archive.pmtiles')).equals(await readFile(output))).toBe(true);
      expect((await fetch(new URL('/item.json', server.url))).status).toBe(404);
    });
  });

  test('whose header does not say what its tiles are is looked into; bytes behind its end are served too', async () => {
    const output = join(folder, 'unknown.pmtiles');
    await publishTiles(join(folder, 'known.pmtiles'), tiles, 1);
    const bytes = await readFile(join(folder, 'known.pmtiles'));
    const header = parseHeader(bytes, 'known');
    const changed = { ...header, tileType: 'unknown' as const, bbox: [0, 0, 0, 0] as const };
    const whole = Buffer.concat([headerToBytes(changed), bytes.subarray(127), Buffer.alloc(1_000)]);
    await writeFile(output, whole);
    await withPreview(output, async (server) => {
      await expectTiles(server);
      expect(await tileJsonOf(server)).toMatchObject({
        format: 'png',
        bounds: [-180, -85.0511287798066, 180, 85.0511287798066],
      });
      expect((await bytesAt(server, '/archive.pmtiles')).equals(whole)).toBe(true);
    });
  });

  test('of vector tiles is refused, with what it has', async () => {
    const bytes = await readFile(join(folder, 'known.pmtiles'));
    const header = { ...parseHeader(bytes, 'known'), tileType: 'mvt' as const };
    await writeFile(join(folder, 'vector.pmtiles'), Buffer.concat([headerToBytes(header), bytes.subarray(127)]));
    await expect(preview('vector.pmtiles')).rejects.toThrow(
      /found vector tiles \(mvt\), expected png, jpeg, webp or avif/,
    );
  });

  test.each([
    ['that is not there', 'nowhere.pmtiles', 'REQUEST_INVALID'],
    ['that is none', 'none.pmtiles', 'ARCHIVE_INVALID'],
    ['that no server has', 'http', 'REQUEST_INVALID'],
    ['that no bucket has', `s3://${BUCKET}/nowhere.pmtiles`, 'REQUEST_INVALID'],
  ])('%s is refused', async (_name, target, code) => {
    await writeFile(join(folder, 'none.pmtiles'), Buffer.alloc(20_000, 1));
    const place = target === 'http' ? `${http.url}/nowhere.pmtiles` : target;
    await expect(preview(place)).rejects.toMatchObject({ code });
  });
});

describe('tiles as objects of their own', () => {
  test('in S3', async () => {
    const output = `s3://${BUCKET}/tiles`;
    await publishTiles(output, tiles, 1, { forcePathStyle: true });
    // Nothing lies beside them but the versions: what they are is found by looking.
    await withPreview(output, async (server) => {
      await expectTiles(server);
      expect(await tileJsonOf(server)).toMatchObject({ minzoom: 1, maxzoom: 3, tileSize: 256, format: 'png' });
    });
  });

  test('without any document, of any kind of picture, among other things', async () => {
    const root = join(folder, 'foreign');
    const bytes = await pictureOf(BLUE, 'webp', 512);
    for (const path of ['5/17/11', '5/18/11', '7/70/45']) {
      await mkdir(join(root, path, '..'), { recursive: true });
      await writeFile(join(root, `${path}.webp`), bytes);
    }
    await mkdir(join(root, '4/0'), { recursive: true });
    await writeFile(join(root, '4/0/readme.txt'), 'not a tile');
    await writeFile(join(root, '4/0/99.png'), 'beyond the grid');
    await withPreview('foreign', async (server) => {
      expect(await tileJsonOf(server)).toMatchObject({
        name: 'foreign',
        format: 'webp',
        tileSize: 512,
        minzoom: 5,
        maxzoom: 7,
        bounds: [11.25, expect.closeTo(40.97989806962013, 9), 33.75, expect.closeTo(48.92249926375824, 9)],
      });
      expect((await bytesAt(server, '/tiles/7/70/45.webp')).equals(bytes)).toBe(true);
    });
  });

  test('of vectors are refused, and so is a folder of anything else', async () => {
    await mkdir(join(folder, 'vectors/0/0'), { recursive: true });
    await writeFile(join(folder, 'vectors/0/0/0.pbf'), 'vector');
    await expect(preview('vectors')).rejects.toThrow(/found tiles of the format pbf/);
    await mkdir(join(folder, 'else'));
    await expect(preview('else')).rejects.toThrow(/expected tilejson.json, or pictures named z\/x\/y, found neither/);
    await expect(preview('nowhere')).rejects.toThrow(/found nothing there, expected a folder of tiles/);
  });
});

describe('an MBTiles file', () => {
  test('made here, with its versions', async () => {
    const output = join(folder, 'world.mbtiles');
    const old = await publishTiles(output, await quarters([YELLOW, YELLOW, YELLOW, null]), 1);
    const version = await publishTiles(output, tiles, 2);
    await withPreview('world.mbtiles', async (server) => {
      await expectTiles(server);
      expect(await tileJsonOf(server)).toMatchObject({ name: 'Four quarters', version: `1.2.0+${version.id}` });
      const before = await bytesAt(server, `/tiles/1/0/0.png?v=${old.id}`);
      expect(before.equals(tiles[0]?.bytes ?? Buffer.of())).toBe(false);
      expect((await fetch(new URL('/archive.pmtiles', server.url))).status).toBe(404);
    });
  });

  test('alone', async () => {
    await mkdir(join(folder, 'alone'));
    await writeFile(join(folder, 'alone/copy.mbtiles'), await readFile(join(folder, 'world.mbtiles')));
    await withPreview('alone/copy.mbtiles', async (server) => {
      await expectTiles(server);
      expect((await fetch(new URL('/versions.json', server.url))).status).toBe(204);
    });
    await expect(preview('alone/nowhere.mbtiles')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(preview('s3://bucket/x.mbtiles')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

test('the output of a request, and the documents beside it', async () => {
  const request = {
    mosaic: { type: 'stac', url: 'http://127.0.0.1:9/search' },
    area: { bbox: [-180, -85, 180, 85] },
    minzoom: 1,
    maxzoom: 3,
    assets: ['visual'],
    output: 'requested',
  };
  await writeFile(join(folder, 'request.json'), JSON.stringify(request));
  const store = createFileStore(join(folder, 'requested'), { extension: 'png', counters: createIoCounters() });
  for (const { tile, bytes } of tiles) await store.put(tile, bytes, NEVER);
  await store.putDocument('item.json', '{"type":"Feature"}\n', 'application/geo+json', NEVER);
  await withPreview('request.json', async (server) => {
    await expectTiles(server);
    const item = await fetch(new URL('/item.json', server.url));
    expect(item.headers.get('content-type')).toBe('application/geo+json');
    expect(await item.text()).toBe('{"type":"Feature"}\n');
    expect((await fetch(new URL('/tilewright.json', server.url))).status).toBe(404);
  });
});
