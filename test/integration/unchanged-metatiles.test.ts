import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createIoMeter } from '../../jobs/metatile-result.ts';
import { openPipeline } from '../../jobs/pipeline.ts';
import { createPlan } from '../../jobs/plan-jobs.ts';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { parseConfig } from '../../src/config.ts';
import { createIoCounters, SILENT } from '../../src/observe.ts';
import type { MetatileRecord } from '../../src/store/records/metatile-record.ts';
import { tilePath } from '../../src/tms/tile.ts';
import { processMetatile } from '../../workers/render-metatile.ts';
import { answerRange } from '../support/range-server.ts';
import { filesOf } from '../support/small-world.ts';
import { boxItem, boxPolygon } from '../support/stac-items.ts';
import { startStacServer } from '../support/stac-server.ts';
import type { ServedItem, StacServer } from '../support/stac-server.ts';
import { writeCog } from '../support/synthetic-cog.ts';

const { signal } = new AbortController();

/**
 * West, south and degrees of the side of scenes of 256 x 256 pixels. In the east `top` fills the one tile of zoom 5 in
 * which `below` lies; `west` lies in other metatiles.
 */
const SCENES = { west: [2, 10, 20], top: [50, 10, 20], below: [58, 13, 7] } as const;
type Name = keyof typeof SCENES;

let folder: string;
let stac: StacServer;
let files: Map<string, Uint8Array>;
let items: Map<Name, ServedItem>;
let fileReads: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-unchanged-'));
  files = new Map();
  fileReads = [];
  stac = await startStacServer({
    items: [],
    fallback: (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://server');
      if (!pathname.startsWith('/files/')) return false;
      fileReads.push(`${pathname.slice(7)} ${request.headers.range ?? ''}`);
      answerRange(request, response, files.get(pathname.slice(7)) ?? null);
      return true;
    },
  });
  items = new Map();
  for (const [index, name] of (Object.keys(SCENES) as Name[]).entries()) {
    const [west, south, side] = SCENES[name];
    files.set(`${name}.tif`, cogOf(name, index + 1));
    const properties = {
      datetime: `2024-06-0${9 - index}T00:00:00Z`,
      updated: '2024-07-01T00:00:00Z',
      'eo:cloud_cover': index,
    };
    const assets = { visual: { href: `${stac.url}/files/${name}.tif?sig=0` } };
    items.set(name, boxItem(name, [west, south, west + side, south + side], { properties, assets }));
  }
  stac.serve([...items.values()]);
});

afterEach(async () => {
  await stac[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function cogOf(name: Name, seed: number): Uint8Array {
  const [west, south, side] = SCENES[name];
  const size = 256;
  const band = Uint8Array.from(
    { length: size ** 2 },
    (_, i) => 1 + (((i % size) * seed + Math.floor(i / size) * 3) % 250),
  );
  const resolution = side / size;
  return writeCog({
    width: size,
    height: size,
    bands: [band],
    epsg: 4326,
    transform: [resolution, 0, west, 0, -resolution, south + side],
    overviews: 2,
    blockSize: 128,
  });
}

function change(name: Name, fields: (item: ServedItem) => Partial<ServedItem>): void {
  const item = items.get(name)!;
  items.set(name, { ...item, ...fields(item) });
  stac.serve([...items.values()]);
}

const properties = (more: Readonly<Record<string, unknown>>) => (item: ServedItem) => ({
  properties: { ...item.properties, ...more },
});

const href = (path: string) => () => ({ assets: { visual: { href: path } } });

interface Rendered {
  readonly records: ReadonlyMap<number, MetatileRecord>;
  /** `z/x/y` of the first tile of each metatile that was rendered. */
  readonly rendered: readonly string[];
  readonly kept: number;
}

/** One run over the whole plan, metatile by metatile; with records, an update of what they are about. */
async function run(name: string, fields: Readonly<Record<string, unknown>>, known?: Rendered): Promise<Rendered> {
  const request = parseTilesetRequest({
    mosaic: { type: 'stac', url: stac.searchUrl, query: { collections: ['scenes'] } },
    area: { bbox: [0, 5, 75, 35] },
    minzoom: 2,
    maxzoom: 5,
    sourceMinzoom: 5,
    assets: ['visual'],
    metatileSize: 2,
    output: join(folder, name),
    ...fields,
  });
  const config = parseConfig({ TILEWRIGHT_FILE_ROOT: folder });
  await using pipeline = await openPipeline(request, config, { signal, logger: SILENT });
  const { store, renderer } = pipeline;
  if (known !== undefined) await store.deleteStaged({ signal, keepParts: true });
  const records = new Map<number, MetatileRecord>();
  const rendered: string[] = [];
  let kept = 0;
  for (const work of createPlan(request).works()) {
    const result = await processMetatile({
      renderer,
      store,
      work,
      overwrite: known !== undefined,
      ...(known !== undefined && { baseline: ({ index }) => Promise.resolve(known.records.get(index) ?? null) }),
      storeConcurrency: 4,
      timeoutMs: 60_000,
      takeIo: createIoMeter(createIoCounters()),
      signal,
    });
    expect(result.failures).toEqual([]);
    if (result.unchanged === true) kept++;
    else rendered.push(tilePath(work.tiles[0]!));
    const staged = await store.staged(work.index, { signal });
    if (staged !== null && staged.kind !== 'begun') records.set(work.index, staged.record);
  }
  expect(records.size).toBe(kept + rendered.length);
  return { records, rendered, kept };
}

/** An update of `out`, which is to leave the same tiles as a full run of the catalog as it is then. */
async function update(known: Rendered, fields: Readonly<Record<string, unknown>> = {}): Promise<Rendered> {
  const updated = await run('out', fields, known);
  await rm(join(folder, 'full'), { recursive: true, force: true });
  await run('full', fields);
  expect(await filesOf(join(folder, 'out'))).toEqual(await filesOf(join(folder, 'full')));
  return updated;
}

describe('an update of real files renders what changed, and nothing else', () => {
  test('nothing changed: one search a metatile, one byte of each file that was read', async () => {
    const first = await run('out', {});
    const all = first.rendered.length;
    expect(all).toBeGreaterThan(6);
    fileReads.length = 0;
    const searchesBefore = stac.searches.length;
    const second = await run('out', {}, first);
    expect(second).toMatchObject({ rendered: [], kept: all });
    expect(second.records).toEqual(first.records);
    expect(fileReads.sort()).toEqual(['top.tif bytes=0-0', 'west.tif bytes=0-0']);
    const ofScenes = [...first.records.values()].filter(({ inputs }) => inputs.children.length === 0);
    expect(stac.searches.length - searchesBefore).toBe(ofScenes.length);
  });

  test.each<[string, () => void]>([
    [
      'when the metadata was updated',
      () => change('west', properties({ updated: '2025-01-01T00:00:00Z', title: 'new' })),
    ],
    ['signatures of hrefs', () => change('west', href(`${stac.url}/files/west.tif?sig=1`))],
    ['a file beneath a full scene', () => void files.set('below.tif', cogOf('below', 9))],
    ['the item of such a scene', () => change('below', href(`${stac.url}/files/west.tif`))],
    ['that there is such a scene', () => (items.delete('below'), stac.serve([...items.values()]))],
    ['the order of the answer', () => stac.serve([...items.values()].reverse())],
  ])('%s changes nothing', async (_, happens) => {
    const first = await run('out', {});
    happens();
    expect(await update(first)).toMatchObject({ rendered: [], kept: first.rendered.length });
  });

  test.each<[string, () => void]>([
    ['a file in its place', () => void files.set('west.tif', cogOf('west', 9))],
    [
      'where a file lies',
      () => (files.set('moved.tif', cogOf('west', 9)), change('west', href(`${stac.url}/files/moved.tif`))),
    ],
    [
      'where a scene lies',
      () => change('west', () => ({ geometry: boxPolygon([2, 10, 11, 30]), bbox: [2, 10, 11, 30] })),
    ],
    ['that a scene is withdrawn', () => (items.delete('west'), stac.serve([...items.values()]))],
  ])('%s is rendered, with what is made of it', async (_, happens) => {
    const first = await run('out', {});
    happens();
    const { rendered, kept } = await update(first);
    expect(rendered.length).toBeGreaterThan(1);
    expect(kept).toBeGreaterThan(2);
    // The stack in the east lies beyond column 18 of zoom 5.
    expect(rendered.filter((path) => /^5\/(1[89]|2\d)/.test(path))).toEqual([]);
    expect(rendered.some((path) => path.startsWith('3/'))).toBe(true);
  });

  test('the order of scenes, and a scene on top that is withdrawn, show the one below', async () => {
    const first = await run('out', {});
    change('below', properties({ datetime: '2024-06-30T00:00:00Z' }));
    const second = await update(first);
    expect(second.rendered.length).toBeGreaterThan(1);
    expect(second.rendered.filter((path) => /^5\/(16|17)\//.test(path))).toEqual([]);
    items.delete('below');
    stac.serve([...items.values()]);
    expect((await update(second)).rendered).toEqual(second.rendered);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['style', { rescale: [[0, 400]] }],
    ['resampling', { resampling: 'cubic' }],
  ])('another %s is rendered everywhere', async (_, fields) => {
    const first = await run('out', {});
    expect(await update(first, fields)).toMatchObject({ rendered: first.rendered, kept: 0 });
  });

  test('another query that finds the same scenes is not', async () => {
    const first = await run('out', {});
    const query = { collections: ['scenes'], datetime: '2024-01-01T00:00:00Z/2024-12-31T00:00:00Z' };
    const mosaic = { type: 'stac', url: stac.searchUrl, query, limit: 7 };
    expect(await update(first, { mosaic, onAssetError: 'skip' })).toMatchObject({ rendered: [] });
  });

  test('a file that cannot be looked at is read as it then can be', async () => {
    const first = await run('out', {});
    const top = files.get('top.tif')!;
    files.delete('top.tif');
    const skip = { onAssetError: 'skip' };
    const second = await update(first, skip);
    expect([...second.records.values()].some(({ inputs }) => inputs.scenes.some(({ leftOut }) => leftOut))).toBe(true);
    files.set('top.tif', top);
    expect((await update(second, skip)).rendered).toEqual(second.rendered);
  });
});

test('files of this machine are told apart by the time of their last change and their size', async () => {
  const path = join(folder, 'west.tif');
  await writeFile(path, cogOf('west', 1));
  change('west', href(pathToFileURL(path).href));
  const first = await run('out', {});
  expect(await update(first)).toMatchObject({ rendered: [] });
  // The clock of the file system may stand still for some milliseconds; the size is another here.
  await writeFile(path, Buffer.concat([cogOf('west', 9), Buffer.alloc(1)]));
  const second = await update(first);
  expect(second.rendered.length).toBeGreaterThan(1);
  expect(second.kept).toBeGreaterThan(2);
  expect(await readdir(join(folder, 'out'))).toContain('5');
});
