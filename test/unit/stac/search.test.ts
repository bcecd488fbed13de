import { afterEach, describe, expect, test } from 'vitest';
import { SILENT } from '../../../src/observe.ts';
import type { Logger } from '../../../src/observe.ts';
import type { StacSearchOptions } from '../../../src/stac/search.ts';
import { createTestClient } from '../../support/search-client.ts';
import type { TestClient } from '../../support/search-client.ts';
import { boxItem, rowOfItems } from '../../support/stac-items.ts';
import { startStacServer } from '../../support/stac-server.ts';
import type { PagingStyle, ServedItem, StacServer, StacServerOptions } from '../../support/stac-server.ts';

const open: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

interface Setup {
  readonly server: StacServer;
  readonly client: TestClient;
}

async function setUp(
  items: readonly ServedItem[],
  server: Partial<StacServerOptions> = {},
  client: Partial<StacSearchOptions> & { readonly path?: string } = {},
): Promise<Setup> {
  const running = await startStacServer({ items, ...server });
  const { path = '/search', ...options } = client;
  const made = createTestClient(`${running.url}${path}`, options);
  open.push(running, made);
  return { server: running, client: made };
}

const TEN = rowOfItems(10);
const TEN_IDS = TEN.map(({ id }) => id);

describe('finding the endpoint', () => {
  test.each(['', '/'])('reads the landing page once (%j)', async (path) => {
    const { server, client } = await setUp(TEN, {}, { path });
    expect(await client.find()).toEqual(TEN_IDS);
    expect(await client.find()).toEqual(TEN_IDS);
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /',
      'POST /search',
      'POST /search',
    ]);
    expect(client.counters.searches).toBe(2);
  });

  test('takes an API that has GET alone, by its landing page or by its 405', async () => {
    for (const path of ['/', '/search']) {
      const { server, client } = await setUp(TEN, { isGetOnly: true, paging: 'get' }, { path });
      const search = { limit: 4, conditions: { collections: ['scenes'] } };
      expect(await client.find(search)).toEqual(TEN_IDS);
      expect(await client.find(search)).toEqual(TEN_IDS);
      const methods = server.searches.map(({ method }) => method);
      expect(methods.filter((method) => method === 'GET')).toHaveLength(6);
      expect(methods.filter((method) => method === 'POST')).toHaveLength(path === '/' ? 0 : 1);
    }
  });

  test('says that a static catalog cannot be searched', async () => {
    const { server, client } = await setUp(TEN, {}, { path: '/' });
    server.fail({ kind: 'body', body: '{"type":"Catalog","id":"static","links":[{"rel":"item","href":"a.json"}]}' });
    await expect(client.find()).rejects.toMatchObject({
      code: 'STAC_RESPONSE_INVALID',
      message: expect.stringContaining('no link with rel "search"'),
    });
  });

  test('does not follow a search link to another host', async () => {
    const { server, client } = await setUp(TEN, {}, { path: '/' });
    server.fail({ kind: 'body', body: '{"links":[{"rel":"search","href":"http://169.254.169.254/search"}]}' });
    await expect(client.find()).rejects.toMatchObject({ code: 'STAC_RESPONSE_INVALID' });
    expect(client.counters.searches).toBe(0);
  });
});

describe('paging', () => {
  test.each<PagingStyle>(['token-body', 'merge', 'whole-body', 'page', 'get'])('%s: to the end', async (paging) => {
    const { server, client } = await setUp(TEN, { paging });
    expect(await client.find({ limit: 3 })).toEqual(TEN_IDS);
    expect(client.counters.searches).toBe(4);
    expect(server.requests.every(({ path }) => path === '/search')).toBe(true);
  });

  test.each<PagingStyle>(['token-body', 'merge', 'whole-body', 'page', 'get'])(
    '%s: every page is asked for with all conditions',
    async (paging) => {
      const others = rowOfItems(10, 20).map((item) => ({ ...item, id: `other-${item.id}`, collection: 'others' }));
      const cloudy = (item: ServedItem): ServedItem => ({
        ...item,
        properties: { 'eo:cloud_cover': Number(item.id.at(-1)) },
      });
      const { server, client } = await setUp([...TEN.map(cloudy), ...others.map(cloudy)], { paging });
      const conditions = { collections: ['scenes'], query: { 'eo:cloud_cover': { lt: 5 } } };
      expect(await client.find({ limit: 2, conditions, boxes: [[0, 0, 50, 1]] })).toEqual(TEN_IDS.slice(0, 5));
      expect(server.searches).toHaveLength(3);
      for (const { search } of server.searches) {
        expect(search).toMatchObject(conditions);
        expect(search['intersects']).toBeDefined();
      }
    },
  );

  test('drops items of a page that were not asked for', async () => {
    const { server, client } = await setUp(TEN);
    const stray = boxItem('stray', [0, 0, 1, 1], { collection: 'others' });
    server.fail({
      kind: 'body',
      body: JSON.stringify({ features: [stray, TEN[3], boxItem('not-asked', [0, 0, 1, 1])] }),
    });
    const ids = TEN_IDS.slice(2, 4);
    expect(await client.find({ conditions: { collections: ['scenes'], ids } })).toEqual([TEN_IDS[3]]);
  });

  test('gives an item once, by collection and ID', async () => {
    const twice = [...TEN, ...TEN, boxItem(TEN_IDS[0] ?? '', [0, 0, 1, 1], { collection: 'others' })];
    const { client } = await setUp(twice);
    expect(await client.find({ limit: 4 })).toEqual([TEN_IDS[0], ...TEN_IDS]);
  });

  test('ends at an empty page, whatever that links to', async () => {
    const { server, client } = await setUp(TEN);
    const next = { rel: 'next', method: 'POST', href: '/search', body: { token: 7 } };
    server.fail({ kind: 'body', body: JSON.stringify({ features: [], links: [next] }) });
    expect(await client.find()).toEqual([]);
  });

  test('warns when pages end before the number that the server states', async () => {
    const warnings: string[] = [];
    const logger: Logger = { ...SILENT, warn: (_, message) => void warnings.push(message) };
    const { server, client } = await setUp(TEN, {}, { logger });
    await client.find({ limit: 3 });
    expect(warnings).toEqual([]);
    server.fail({ kind: 'body', body: JSON.stringify({ features: TEN, context: { matched: 25 } }) });
    await client.find();
    expect(warnings).toEqual([expect.stringMatching(/page 1 .*after 10 items; the server speaks of 25/)]);
  });

  test.each([
    ['to itself', { rel: 'next', method: 'POST', href: '/search', body: {} }],
    ['to itself by GET', { rel: 'next', href: '/search?token=1' }],
  ])('does not go round in circles: a link %s', async (_, link) => {
    const { server, client } = await setUp(TEN);
    const body = JSON.stringify({ features: TEN, links: [link] });
    server.fail(...Array.from({ length: 5 }, () => ({ kind: 'body', body }) as const));
    await expect(client.find()).rejects.toMatchObject({
      code: 'STAC_RESPONSE_INVALID',
      message: expect.stringContaining('never ends'),
    });
  });

  test('does not page for ever through pages that bring nothing new', async () => {
    const { server, client } = await setUp(TEN);
    const pageOf = (token: number): string =>
      JSON.stringify({ features: TEN, links: [{ rel: 'next', method: 'POST', href: '/search', body: { token } }] });
    server.fail(...Array.from({ length: 40 }, (_, i) => ({ kind: 'body', body: pageOf(i) }) as const));
    await expect(client.find()).rejects.toMatchObject({ message: expect.stringContaining('brought no new item') });
    expect(client.counters.searches).toBe(12);
  });

  test('more items than maxItems are an error that says what to do, never a cut list', async () => {
    const { client } = await setUp(TEN);
    expect(await client.find({ maxItems: 10, limit: 4 })).toHaveLength(10);
    await expect(client.find({ maxItems: 9, limit: 4 })).rejects.toMatchObject({
      code: 'MOSAIC_TOO_MANY_ASSETS',
      message: expect.stringMatching(/10 items so far, more than mosaic.maxItems = 9\. Narrow .*raise mosaic.maxItems/),
    });
  });
});

describe('APIs that do not take all of a search', () => {
  const sortby = [{ field: 'id', direction: 'desc' }] as const;
  const boxes = [
    [179, 0, 180, 1],
    [-180, 0, -179, 1],
  ] as const;
  const around = [boxItem('east', [179, 0, 180, 1]), boxItem('west', [-180, 0, -179, 1]), ...TEN];

  test.each([
    ['all', {}, 1, 1],
    ['no sortby', { refusedFields: ['sortby'] }, 2, 1],
    ['no MultiPolygon', { refusedGeometries: ['MultiPolygon'] }, 4, 2],
    ['no intersects', { refusedFields: ['intersects'] }, 6, 2],
    ['neither', { refusedFields: ['intersects', 'sortby'] }, 7, 2],
  ])('%s: the same answer, and what was learnt is kept', async (_, options, first, later) => {
    const { client } = await setUp(around, options);
    expect(await client.find({ boxes, sortby })).toEqual(['west', 'east']);
    expect(client.counters.searches).toBe(first);
    expect(await client.find({ boxes, sortby })).toEqual(['west', 'east']);
    expect(client.counters.searches).toBe(first + later);
  });

  test('a search that is refused in every shape gives the first refusal', async () => {
    const { server, client } = await setUp(TEN);
    server.fail(
      { kind: 'status', status: 400, body: '{"detail":"datetime: not an interval"}' },
      ...Array.from({ length: 9 }, () => ({ kind: 'status', status: 422, body: 'other' }) as const),
    );
    await expect(client.find({ sortby })).rejects.toMatchObject({
      code: 'STAC_RESPONSE_INVALID',
      message: expect.stringContaining('400 (datetime: not an interval)'),
    });
    expect(server.searches).toHaveLength(4);
  });

  test('a refusal of a later page is not taken for one of the shape', async () => {
    const { server, client } = await setUp(TEN, { refusedFields: ['token'] });
    await expect(client.find({ limit: 4, sortby })).rejects.toMatchObject({
      message: expect.stringContaining('page 2'),
    });
    expect(server.searches).toHaveLength(2);
  });
});
