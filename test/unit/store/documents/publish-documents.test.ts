import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createIoCounters } from '../../../../src/observe.ts';
import { publishDocuments, restoreDocuments } from '../../../../src/store/documents/publish-documents.ts';
import { openTileStore } from '../../../../src/store/open-store.ts';
import type { TileStore } from '../../../../src/store/tile-store.ts';
import type { TilesetVersion } from '../../../../src/store/versions.ts';
import { BLUE, GREEN, NEVER, publishTiles, quarters, RED } from '../../../support/preview-tilesets.ts';
import { documentsInput } from '../../../support/tileset-documents.ts';

const DATETIME = '2025-06-01T00:00:00Z/2025-09-01T00:00:00Z';

let folder: string;
let store: TileStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-documents-'));
  const encoder = { extension: 'png', contentType: 'image/png' };
  store = await openTileStore(join(folder, 'world.pmtiles'), { ...encoder, counters: createIoCounters() }, NEVER);
});

afterEach(async () => {
  await store[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Publishes tiles as the next version of an archive, with its documents; gives their texts. */
async function publish(
  generation: number,
  {
    requestHash = '1'.repeat(64),
    keepVersions = 3,
    ...tileset
  }: Readonly<Record<string, unknown>> & {
    readonly requestHash?: string;
    readonly keepVersions?: number;
  } = {},
): Promise<{ readonly version: TilesetVersion; readonly texts: ReadonlyMap<string, string> }> {
  const colours = [RED, GREEN, BLUE].slice(generation % 3);
  const output = join(folder, 'world.pmtiles');
  const version = await publishTiles(output, await quarters(colours), generation, { requestHash, keepVersions });
  const place = { archive: 'world.pmtiles', publicUrl: 'https://tiles.example' };
  const origin = { requestHash, datetime: DATETIME, scenes: [] };
  await publishDocuments(store, { ...documentsInput({ tileset, place, origin }), version }, NEVER);
  return { version, texts: await textsNow() };
}

async function textsNow(): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const name of ['tilejson.json', 'style.json', 'item.json']) {
    texts.set(name, (await store.getDocument(name, NEVER)) ?? 'none');
  }
  return texts;
}

test('the documents of a version that counts again are those that were written with it', async () => {
  const geometry = {
    type: 'Polygon' as const,
    coordinates: [
      [
        [14, 45],
        [15, 45],
        [15, 46],
        [14, 45],
      ],
    ],
  };
  const first = await publish(1, { requestHash: '1'.repeat(64), maxzoom: 3, geometry, attribution: undefined });
  const second = await publish(2, { requestHash: '2'.repeat(64), maxzoom: 5 });
  const third = await publish(3, { requestHash: '2'.repeat(64), maxzoom: 5 });
  expect(third.texts.get('tilejson.json')).toContain(third.version.archive);
  for (const { version, texts } of [first, second, third, first]) {
    await store.rollBack(version.id, NEVER);
    expect(await restoreDocuments(store, version, NEVER)).toBe(true);
    expect(await textsNow()).toEqual(texts);
  }
  expect((await readdir(folder)).filter((name) => !name.startsWith('.')).sort()).toEqual([
    'world.description.json',
    'world.item.json',
    'world.pmtiles',
    'world.style.json',
    'world.tilejson.json',
    'world.versions',
    'world.versions.json',
  ]);
});

test('a new name or URL of the same request counts for its older versions too', async () => {
  const first = await publish(1);
  await publish(2, { name: 'Renamed' });
  await restoreDocuments(store, first.version, NEVER);
  const text = await store.getDocument('tilejson.json', NEVER);
  expect(text).toContain('"Renamed"');
  expect(text).toContain(first.version.archive);
});

test('requests without a version that is kept are forgotten, and no secret is written', async () => {
  const first = await publish(1, { requestHash: '1'.repeat(64), keepVersions: 1 });
  await publish(2, { requestHash: '2'.repeat(64), keepVersions: 1 });
  const text = (await store.getDocument('description.json', NEVER)) ?? '';
  expect(Object.keys((JSON.parse(text) as { requests: object }).requests)).toEqual(['2'.repeat(64)]);
  expect(await restoreDocuments(store, first.version, NEVER)).toBe(false);

  const input = documentsInput({
    place: { archive: 'world.pmtiles' },
    origin: { stacUrl: 'https://me:secret@stac.example/search?key=secret', requestHash: '2'.repeat(64) },
  });
  await publishDocuments(store, input, NEVER);
  expect(await readFile(join(folder, 'world.description.json'), 'utf8')).not.toContain('secret');
});

test('a document of that name that others wrote is not written over', async () => {
  await writeFile(join(folder, 'world.description.json'), '{"v":2}');
  await expect(publish(1)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
});
