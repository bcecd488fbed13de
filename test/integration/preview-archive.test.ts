import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PMTiles } from 'pmtiles';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPreviewServer } from '../../jobs/preview/preview-server.ts';
import type { PreviewServer } from '../../jobs/preview/preview-server.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';
import { BLUE, configWith, GREEN, NEVER, publishTiles, quarters, RED, YELLOW } from '../support/preview-tilesets.ts';
import type { MadeTile } from '../support/preview-tilesets.ts';

let folder: string;
let server: PreviewServer;
let first: TilesetVersion;
let second: TilesetVersion;
let tiles: readonly MadeTile[];
let archive: Buffer;

/** Two versions: the south-west changes from blue to yellow. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-preview-archive-'));
  const output = join(folder, 'world.pmtiles');
  first = await publishTiles(output, await quarters([RED, GREEN, BLUE, null]), 1);
  tiles = await quarters([RED, GREEN, YELLOW, null]);
  second = await publishTiles(output, tiles, 2);
  archive = await readFile(output);
  server = await startPreviewServer({ target: 'world.pmtiles', config: configWith(), cwd: folder, ...NEVER });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function get(path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Response> {
  return await fetch(new URL(path, server.url), { method, headers });
}

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

describe('the archive by ranges', () => {
  const size = (): number => archive.length;

  test.each<[string, string, (bytes: Buffer) => Buffer]>([
    ['the beginning', 'bytes=0-16383', (bytes) => bytes.subarray(0, 16_384)],
    ['one byte', 'bytes=7-7', (bytes) => bytes.subarray(7, 8)],
    ['the rest', 'bytes=127-', (bytes) => bytes.subarray(127)],
    ['the end', 'bytes=-100', (bytes) => bytes.subarray(-100)],
    ['more than there is', 'bytes=100-999999999', (bytes) => bytes.subarray(100)],
  ])('%s', async (_name, range, expected) => {
    const response = await get('/archive.pmtiles', { range });
    expect(response.status).toBe(206);
    const bytes = await bytesOf(response);
    const wanted = expected(archive);
    expect(bytes.equals(wanted)).toBe(true);
    const from = size() - archive.subarray(archive.indexOf(wanted)).length;
    const found = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
    expect(found?.slice(1).map(Number)).toEqual([from, from + wanted.length - 1, size()]);
    expect(response.headers.get('content-length')).toBe(String(wanted.length));
  });

  test('whole, with all that caches and readers want to know', async () => {
    const response = await get('/archive.pmtiles');
    expect(response.status).toBe(200);
    expect((await bytesOf(response)).equals(archive)).toBe(true);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'accept-ranges': 'bytes',
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'ETag, Content-Range, Content-Length, Accept-Ranges',
      'cache-control': 'no-cache',
      'content-length': String(size()),
      'content-type': 'application/vnd.pmtiles',
      etag: `"${second.id}"`,
      'x-content-type-options': 'nosniff',
    });
  });

  test.each<[string, () => Readonly<Record<string, string>>, number]>([
    ['behind the end', () => ({ range: `bytes=${size()}-` }), 416],
    ['no bytes at all', () => ({ range: 'bytes=-0' }), 416],
    ['of several ranges the whole', () => ({ range: 'bytes=0-1,5-6' }), 200],
    ['of another unit the whole', () => ({ range: 'tiles=0-1' }), 200],
    ['unchanged', () => ({ 'if-none-match': `"${second.id}"` }), 304],
    ['unchanged, before any range', () => ({ 'if-none-match': `W/"x", "${second.id}"`, range: 'bytes=0-1' }), 304],
    ['whatever it is', () => ({ 'if-none-match': '*' }), 304],
    ['changed', () => ({ 'if-none-match': `"${first.id}"`, range: 'bytes=0-1' }), 206],
    ['a part, if it is still the same', () => ({ 'if-range': `"${second.id}"`, range: 'bytes=0-1' }), 206],
    ['the whole, if it is another', () => ({ 'if-range': `"${first.id}"`, range: 'bytes=0-1' }), 200],
    ['the whole, if it is weakly the same', () => ({ 'if-range': `W/"${second.id}"`, range: 'bytes=0-1' }), 200],
    [
      'the whole, as a date says nothing',
      () => ({ 'if-range': 'Wed, 21 Oct 2026 07:28:00 GMT', range: 'bytes=0-1' }),
      200,
    ],
    ['what was expected', () => ({ 'if-match': `"${second.id}"`, range: 'bytes=0-1' }), 206],
    ['not what was expected', () => ({ 'if-match': `"${first.id}"`, range: 'bytes=0-1' }), 412],
  ])('%s', async (_name, headers, status) => {
    const response = await get('/archive.pmtiles', headers());
    const { length } = await bytesOf(response);
    expect(response.status).toBe(status);
    expect(length).toBe(status === 200 ? size() : status === 206 ? 2 : 0);
    expect(response.headers.get('etag')).toBe(`"${second.id}"`);
    expect(response.headers.get('content-range')).toBe(
      status === 416 ? `bytes */${size()}` : status === 206 ? `bytes 0-1/${size()}` : null,
    );
  });

  test('HEAD says how large it is, whatever range is asked for', async () => {
    const response = await get('/archive.pmtiles', { range: 'bytes=0-1' }, 'HEAD');
    expect([response.status, response.headers.get('content-length')]).toEqual([200, String(size())]);
    expect((await bytesOf(response)).length).toBe(0);
  });

  test('a page of another origin may ask for ranges', async () => {
    const headers = { origin: 'https://maps.example', 'access-control-request-headers': 'range' };
    const response = await get('/archive.pmtiles', headers, 'OPTIONS');
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-headers')).toContain('Range');
    expect(response.headers.get('access-control-allow-methods')).toContain('GET');
  });

  test('the reader of the pmtiles package gets every tile, and no other', async () => {
    const reader = new PMTiles(new URL('/archive.pmtiles', server.url).href);
    expect(await reader.getHeader()).toMatchObject({ numAddressedTiles: tiles.length, minZoom: 1, maxZoom: 3 });
    for (const { tile, bytes } of tiles) {
      const found = await reader.getZxy(tile.z, tile.x, tile.y);
      expect(Buffer.from(found?.data ?? new ArrayBuffer(0)).equals(bytes)).toBe(true);
    }
    expect(await reader.getZxy(1, 1, 1)).toBeUndefined();
    expect(await reader.getMetadata()).toMatchObject({ name: 'Four quarters' });
  });
});

describe('the tileset of an archive', () => {
  test('is named by its own metadata, with the version', async () => {
    expect(await (await get('/tilejson.json')).json()).toMatchObject({
      name: 'Four quarters',
      attribution: 'made for a test',
      version: `1.2.0+${second.id}`,
      tiles: [`${server.url}tiles/{z}/{x}/{y}.png`],
      bounds: [-180, -85, 180, 85],
    });
    expect(await (await get('/versions.json')).json()).toMatchObject({
      current: second.id,
      versions: [{ id: second.id }, { id: first.id }],
    });
  });

  test('every tile is as it was put, with a strong ETag of its bytes', async () => {
    for (const { tile, bytes } of tiles) {
      const response = await get(`/tiles/${tile.z}/${tile.x}/${tile.y}.png`);
      expect((await bytesOf(response)).equals(bytes)).toBe(true);
      expect(response.headers.get('etag')).toMatch(/^"[\w-]{27}"$/);
    }
    expect((await get('/tiles/1/1/1.png')).status).toBe(204);
    expect((await get('/tiles/9/0/0.png')).status).toBe(204);
    expect((await get('/tiles/1/0/0.webp')).status).toBe(404);
  });

  test('a version that is kept can be asked for, and never changes', async () => {
    const query = `?v=${first.id}`;
    const old = await get(`/tiles/1/0/1.png${query}`);
    const now = await get('/tiles/1/0/1.png');
    expect(old.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(now.headers.get('cache-control')).toBe('no-cache');
    expect((await bytesOf(old)).equals(await bytesOf(now))).toBe(false);
    expect(await (await get(`/tilejson.json${query}`)).json()).toMatchObject({
      tiles: [`${server.url}tiles/{z}/{x}/{y}.png${query}`],
      version: `1.1.0+${first.id}`,
    });
    const whole = await get(`/archive.pmtiles${query}`);
    expect(whole.headers.get('etag')).toBe(`"${first.id}"`);
    expect((await bytesOf(whole)).equals(await readFile(join(folder, first.archive ?? '')))).toBe(true);
  });

  test.each(['/tilejson.json', '/tiles/1/0/0.png', '/archive.pmtiles', '/style.json', '/WMTSCapabilities.xml'])(
    'there is no %s of a version that is not kept',
    async (path) => {
      expect((await get(`${path}?v=9-00000000`)).status).toBe(404);
    },
  );

  test('a version that is published, or rolled back to, meanwhile is picked up', async () => {
    const output = join(folder, 'moving.pmtiles');
    await publishTiles(output, await quarters([RED, RED, RED, null]), 1);
    const moving = await startPreviewServer({ target: output, config: configWith(), cwd: folder, ...NEVER });
    const etagNow = async (): Promise<string> =>
      (await fetch(new URL('/archive.pmtiles', moving.url), { method: 'HEAD' })).headers.get('etag') ?? '';
    try {
      const reader = new PMTiles(new URL('/archive.pmtiles', moving.url).href);
      expect(Buffer.from((await reader.getZxy(1, 0, 1))?.data ?? new ArrayBuffer(0)).length).toBeGreaterThan(0);
      const yellow = await quarters([YELLOW, YELLOW, YELLOW, YELLOW]);
      const next = await publishTiles(output, yellow, 2);
      await expect.poll(etagNow, { timeout: 30_000 }).toBe(`"${next.id}"`);
      // A reader that has the old one open goes over to the new one.
      expect(
        Buffer.from((await reader.getZxy(1, 0, 0))?.data ?? new ArrayBuffer(0)).equals(yellow[0]?.bytes ?? Buffer.of()),
      ).toBe(true);
      const tile = await fetch(new URL('/tiles/1/0/1.png', moving.url));
      expect((await bytesOf(tile)).equals(yellow[0]?.bytes ?? Buffer.of())).toBe(true);
    } finally {
      await moving.close();
    }
  });
});

test('an archive that is replaced under its name, without any versions, is opened anew', async () => {
  const path = join(folder, 'foreign.pmtiles');
  await writeFile(path, await readFile(join(folder, first.archive ?? '')));
  const foreign = await startPreviewServer({ target: path, config: configWith(), cwd: folder, ...NEVER });
  try {
    const tile = async (): Promise<Buffer> => await bytesOf(await fetch(new URL('/tiles/1/0/1.png', foreign.url)));
    const old = await tile();
    const etag = (await fetch(new URL('/archive.pmtiles', foreign.url), { method: 'HEAD' })).headers.get('etag');
    expect(etag).toMatch(/^"[\w-]{27}"$/);
    expect((await fetch(new URL('/versions.json', foreign.url))).status).toBe(204);
    await writeFile(path, archive);
    await expect.poll(async () => (await tile()).equals(old), { timeout: 30_000 }).toBe(false);
    const now = await fetch(new URL('/archive.pmtiles', foreign.url), { headers: { 'if-none-match': etag ?? '' } });
    expect((await bytesOf(now)).equals(archive)).toBe(true);
  } finally {
    await foreign.close();
  }
});
