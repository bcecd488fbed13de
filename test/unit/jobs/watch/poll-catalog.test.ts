import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pollCatalog } from '../../../../jobs/watch/poll-catalog.ts';
import type { Poll, PollOptions } from '../../../../jobs/watch/poll-catalog.ts';
import { CatalogListing } from '../../../../src/mosaic/catalog-listing.ts';
import { createIoCounters } from '../../../../src/observe.ts';
import { rowOfItems } from '../../../support/stac-items.ts';
import { startStacServer } from '../../../support/stac-server.ts';
import type { ServedItem, StacServer } from '../../../support/stac-server.ts';

const { signal } = new AbortController();
const NOW = new Date('2026-06-20T00:00:00Z');

let server: StacServer;

beforeAll(async () => {
  server = await startStacServer({ items: [], conformsTo: ['https://api.stacspec.org/v1.0.0/item-search#query'] });
});
afterAll(async () => server[Symbol.asyncDispose]());

const ITEMS: readonly ServedItem[] = rowOfItems(20).map((item, i) => ({
  ...item,
  properties: {
    datetime: `2026-06-${String(i + 1).padStart(2, '0')}T00:00:00Z`,
    updated: i === 19 ? '2026-06-10T12:00:00Z' : '2026-06-01T00:00:00Z',
  },
}));

async function poll(
  before: Poll | null,
  options: Partial<PollOptions> = {},
): Promise<Poll & { readonly searches: number }> {
  const counters = createIoCounters();
  await using listing = new CatalogListing({
    mosaic: { url: server.url, query: {}, sortby: ['-properties.datetime'], limit: 1_000, maxItems: 10 },
    assets: ['visual'],
    onMissingAsset: 'error',
    counters,
    limits: { attempts: 1 },
  });
  const memory = {
    known: before?.items ?? null,
    cursor: before?.cursor ?? null,
    listedAt: before === null ? null : '2026-06-19T12:00:00Z',
  };
  const rest = { ids: [], windowStart: null, reconcileMs: null, allowDeletions: false, now: NOW, signal };
  const found = await pollCatalog({ listing, bbox: [-1, -1, 30, 2], ...memory, ...rest, ...options });
  return { ...found, searches: counters.searches };
}

function touched(id: string, updated: string): ServedItem[] {
  return ITEMS.map((item) => (item.id === id ? { ...item, properties: { ...item.properties, updated } } : item));
}

beforeEach(() => server.serve(ITEMS));

describe('a look at all items', () => {
  test('sees what is new, and without a memory nothing that is gone', async () => {
    const first = await poll(null);
    expect(first).toMatchObject({
      isWhole: true,
      cursor: '2026-06-10T12:00:00.000Z',
      changes: { gone: [] },
      searches: 1,
    });
    expect(first.items.size).toBe(20);
    const second = await poll(first);
    expect(second.changes).toMatchObject({ added: [], changed: [], touched: [], gone: [], places: [] });
  });

  test('asks once more for what seems gone', async () => {
    const first = await poll(null);
    server.serve(ITEMS.slice(1));
    const gone = await poll(first);
    expect(gone.changes.gone).toEqual(['scenes/item-0000']);
    expect(server.searches.at(-1)?.search).toMatchObject({ ids: ['item-0000'] });
  });

  test('what slipped between two pages is not gone', async () => {
    const first = await poll(null);
    // The listing lacks an item that a search by its ID finds.
    const listing: Pick<CatalogListing, 'list'> = {
      list: async (question, take, options) => {
        await using whole = new CatalogListing({
          mosaic: { url: server.url, query: {}, sortby: ['-properties.datetime'], limit: 1_000, maxItems: 10 },
          assets: ['visual'],
          onMissingAsset: 'error',
          counters: createIoCounters(),
        });
        const isSlipping = question.ids === undefined;
        const found = await whole.list(question, (item) => ({ item, value: take(item) }), options);
        return found.filter(({ item }) => !isSlipping || item.scene.itemId !== 'item-0004').map(({ value }) => value);
      },
    };
    const found = await poll(first, { listing: listing as CatalogListing });
    expect(found.changes.gone).toEqual([]);
    expect(found.items.size).toBe(20);
  });

  test('does not believe that most are gone, unless they aged out or it is told to', async () => {
    const first = await poll(null);
    server.serve(ITEMS.slice(15));
    await expect(poll(first)).rejects.toMatchObject({ code: 'STAC_RESPONSE_INVALID' });
    expect((await poll(first, { allowDeletions: true })).changes.gone).toHaveLength(15);
    expect((await poll(first, { windowStart: '2026-06-16T00:00:00Z' })).changes.gone).toHaveLength(15);
    server.serve([]);
    await expect(poll(first)).rejects.toMatchObject({ code: 'STAC_RESPONSE_INVALID' });
  });
});

describe('a look at what was updated', () => {
  const reconcileMs = 86_400_000;

  test('asks since an hour before the latest update, and keeps the rest', async () => {
    const first = await poll(null);
    server.serve(touched('item-0003', '2026-06-11T00:00:00Z'));
    const second = await poll(first, { reconcileMs });
    expect(second).toMatchObject({
      isWhole: false,
      cursor: '2026-06-11T00:00:00.000Z',
      changes: { touched: ['scenes/item-0003'] },
    });
    expect(second.items.size).toBe(20);
    expect(server.searches.at(-1)?.search['query']).toEqual({ updated: { gte: '2026-06-10T11:00:00.000Z' } });
    // One that arrives late, with a time of before the last look, is seen too.
    server.serve([
      ...ITEMS.slice(0, 19),
      ...rowOfItems(1, 25).map((item) => ({
        ...item,
        id: 'late',
        properties: { ...item.properties, updated: '2026-06-10T23:30:00Z' },
      })),
    ]);
    expect((await poll(second, { reconcileMs })).changes).toMatchObject({ added: ['scenes/late'], gone: [] });
  });

  test('sees what is gone at the next look at all, by its name before that, or when it ages out', async () => {
    const first = await poll(null);
    server.serve(ITEMS.slice(1));
    expect((await poll(first, { reconcileMs })).changes.gone).toEqual([]);
    expect((await poll(first, { reconcileMs, ids: ['item-0000', 'item-0005'] })).changes.gone).toEqual([
      'scenes/item-0000',
    ]);
    expect((await poll(first, { reconcileMs, windowStart: '2026-06-03T00:00:00Z' })).changes.gone).toEqual([
      'scenes/item-0000',
      'scenes/item-0001',
    ]);
    const due = await poll(first, { reconcileMs, listedAt: '2026-06-19T00:00:00Z' });
    expect(due).toMatchObject({ isWhole: true, changes: { gone: ['scenes/item-0000'] } });
  });
});
