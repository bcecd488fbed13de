import { describe, expect, test } from 'vitest';
import { CatalogListing } from '../../../src/mosaic/catalog-listing.ts';
import type { ListingQuestion } from '../../../src/mosaic/catalog-listing.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { boxItem, rowOfItems } from '../../support/stac-items.ts';
import { startStacServer } from '../../support/stac-server.ts';
import type { StacServer, StacServerOptions } from '../../support/stac-server.ts';

const { signal } = new AbortController();
const FIELDS = 'https://api.stacspec.org/v1.0.0/item-search#fields';
const QUERY = 'https://api.stacspec.org/v1.0.0-rc.3/item-search#query';
const BBOX = [0, -1, 30, 2] as const;

/** Thirty items of which each has much that nobody needs here. */
const ITEMS = rowOfItems(30).map((item, i) => ({
  ...item,
  properties: {
    datetime: '2024-06-01T00:00:00Z',
    updated: `2024-07-${String(i + 1).padStart(2, '0')}T00:00:00Z`,
    'eo:cloud_cover': i,
    note: 'x',
  },
  assets: { ...item.assets, thumbnail: { href: 'https://files.test/t.png' } },
}));

function listingOf(
  server: StacServer,
  fields: Partial<ConstructorParameters<typeof CatalogListing>[0]['mosaic']> = {},
): CatalogListing {
  return new CatalogListing({
    mosaic: { url: server.url, query: {}, sortby: ['-eo:cloud_cover'], limit: 10, maxItems: 10, ...fields },
    assets: ['visual'],
    onMissingAsset: 'skip',
    counters: createIoCounters(),
    limits: { attempts: 1 },
  });
}

async function versionsOf(
  options: Partial<StacServerOptions>,
  question: Partial<ListingQuestion> = {},
): Promise<{ readonly versions: readonly string[]; readonly server: StacServer }> {
  const server = await startStacServer({ items: ITEMS, ...options });
  await using listing = listingOf(server);
  const listed = await listing.list(
    { bbox: BBOX, ...question },
    ({ scene, updated }) => `${scene.itemId} ${scene.version} ${updated}`,
    { signal },
  );
  await server[Symbol.asyncDispose]();
  return { versions: listed.toSorted(), server };
}

describe('a listing', () => {
  test('holds every item once, more than a metatile may have', async () => {
    const { versions, server } = await versionsOf({});
    expect(versions).toHaveLength(30);
    expect(server.searches).toHaveLength(1);
    expect(server.searches[0]?.search).toMatchObject({ limit: 1_000 });
  });

  test('asks for thinned-out items where these say the same', async () => {
    const whole = await versionsOf({});
    const thin = await versionsOf({ conformsTo: [FIELDS] });
    expect(thin.versions).toEqual(whole.versions);
    expect(thin.server.searches.at(-1)?.search).toHaveProperty('fields');
  });

  test('asks for whole items where thinned-out ones would not', async () => {
    const whole = await versionsOf({});
    const broken = await versionsOf({
      conformsTo: [FIELDS],
      thinOut: (item) => ({ ...item, assets: { visual: { href: 'https://files.test/other.tif' } } }),
    });
    expect(broken.versions).toEqual(whole.versions);
    expect(broken.server.searches.at(-1)?.search).not.toHaveProperty('fields');
  });

  test('falls back to the pages of the request where large ones are refused', async () => {
    const { versions, server } = await versionsOf({ maxLimit: 100 });
    expect(versions).toHaveLength(30);
    expect(server.searches.at(-1)?.search).toMatchObject({ limit: 10 });
  });

  test('of what was updated since, and of IDs', async () => {
    const since = await versionsOf({ conformsTo: [QUERY] }, { since: '2024-07-28T00:00:00Z' });
    expect(since.versions.map((text) => text.slice(0, 9))).toEqual(['item-0027', 'item-0028', 'item-0029']);
    const ids = await versionsOf({}, { ids: ['item-0003', 'item-0007', 'no-such-item'] });
    expect(ids.versions.map((text) => text.slice(0, 9))).toEqual(['item-0003', 'item-0007']);
  });

  test('says whether it can be asked for what was updated since', async () => {
    for (const [conformsTo, query, expected] of [
      [[], {}, false],
      [[QUERY], {}, true],
      [[QUERY], { query: { 'eo:cloud_cover': { lt: 20 } } }, true],
      [[QUERY], { query: { updated: { lt: '2025' } } }, false],
      [[], { filter: 'eo:cloud_cover < 20', 'filter-lang': 'cql2-text' }, true],
      [
        ['https://api.stacspec.org/v1.0.0/item-search#filter', 'http://www.opengis.net/spec/cql2/1.0/conf/cql2-json'],
        {},
        true,
      ],
    ] as const) {
      await using server = await startStacServer({ items: ITEMS, conformsTo });
      await using listing = listingOf(server, { query });
      expect(await listing.canAskSince({ signal })).toBe(expected);
    }
  });

  test('asks anew what the API can do once it answers', async () => {
    await using server = await startStacServer({ items: ITEMS, conformsTo: [QUERY] });
    await using listing = listingOf(server);
    server.fail({ kind: 'status', status: 503 });
    expect(await listing.canAskSince({ signal })).toBe(false);
    expect(await listing.canAskSince({ signal })).toBe(true);
    await listing.canAskSince({ signal });
    expect(server.requests).toHaveLength(2);
  });

  test('leaves out items outside of the area of the query, and those without the asset', async () => {
    await using server = await startStacServer({ items: [...ITEMS, boxItem('bare', [1, 0, 2, 1], { assets: {} })] });
    await using listing = listingOf(server, { query: { bbox: [0, 0, 2.5, 1] } });
    const ids = await listing.list({ bbox: BBOX }, ({ scene }) => scene.itemId, { signal });
    expect(ids.toSorted()).toEqual(['item-0000', 'item-0001', 'item-0002']);
  });
});
