import { describe, expect, test } from 'vitest';
import { checkDeletions, diffItems, isAgedOut } from '../../../../jobs/watch/diff-items.ts';
import { footprintOf, packItems, unpackItems, watchedItem } from '../../../../jobs/watch/watched-items.ts';
import type { WatchedItem, WatchedItems } from '../../../../jobs/watch/watched-items.ts';
import type { ListedItem } from '../../../../src/mosaic/catalog-listing.ts';
import { itemToScene } from '../../../../src/stac/accessor.ts';
import { boxItem, readItem } from '../../../support/stac-items.ts';

function listed(id: string, fields: Parameters<typeof boxItem>[2] = {}, west = 0): ListedItem {
  const item = readItem(boxItem(id, [west, 0, west + 1, 1], fields));
  const scene = itemToScene(item, {
    assets: ['visual'],
    onMissingAsset: 'error',
    searchUrl: 'https://stac.test/search',
  });
  if (scene === null) throw new Error('it has the asset');
  const { updated } = item.properties;
  return { scene, updated: typeof updated === 'string' ? updated : null, until: scene.datetime };
}

function itemsOf(items: readonly ListedItem[], known: WatchedItems = new Map()): WatchedItems {
  return new Map(items.map((one) => watchedItem(one, known)).map((one) => [one.name, one]));
}

const checked = { assets: { visual: { href: 'https://files.test/a.tif', 'file:checksum': '12209f86' } } };
const properties = { datetime: '2024-06-01T00:00:00Z' };

describe('changes', () => {
  const known = itemsOf([listed('a'), listed('b'), listed('c', checked), listed('d')]);

  test('none', () => {
    const found = itemsOf([listed('a'), listed('b'), listed('c', checked), listed('d')], known);
    expect(diffItems(known, found, true)).toEqual({ added: [], changed: [], touched: [], gone: [], places: [] });
    expect([...found.values()].every((item) => known.get(item.name) === item)).toBe(true);
  });

  test('each kind, with the places where it shows', () => {
    const found = itemsOf([
      listed('a', {}, 5),
      listed('b', { properties: { ...properties, updated: '2026-01-01T00:00:00Z' } }),
      listed('c', { ...checked, properties: { ...properties, updated: '2026-01-01T00:00:00Z' } }),
      listed('new', {}, 20),
    ]);
    const { places, ...changes } = diffItems(known, found, true);
    expect(changes).toEqual({
      added: ['scenes/new'],
      changed: ['scenes/a'],
      touched: ['scenes/b'],
      gone: ['scenes/d'],
    });
    const wests = places.map((place) => footprintOf(place)?.coordinates[0]?.[0]?.[0]?.[0]);
    expect(wests.toSorted((x = 0, y = 0) => x - y)).toEqual([0, 5, 20]);
    expect(diffItems(known, found, false).gone).toEqual([]);
  });

  test('of content in one place are dirty there once', () => {
    const found = itemsOf([listed('a', { properties: { datetime: '2025-01-01T00:00:00Z' } })]);
    expect(diffItems(itemsOf([listed('a')]), found, true)).toMatchObject({ changed: ['scenes/a'], places: [{}] });
  });
});

test('items go into a document and come out the same', async () => {
  const long = Array.from({ length: 2_000 }, (_, i) => [Math.cos(i / 400), Math.sin(i / 400)]);
  const items = itemsOf([
    listed('a', checked),
    listed('tab\tline\n"', {}),
    listed('anywhere', { geometry: null, bbox: [0, 0, 0, 0] }),
    listed('long', { geometry: { type: 'Polygon', coordinates: [[...long, [1, 0]]] } }),
  ]);
  expect(items.get('scenes/anywhere')?.place).toBeNull();
  expect(items.get('scenes/long')).toMatchObject({ isBox: true });
  const bytes = await packItems(items);
  expect(await unpackItems(bytes)).toEqual(new Map([...items].sort(([a], [b]) => (a < b ? -1 : 1))));
  expect(await packItems(new Map([...items].reverse()))).toEqual(bytes);
  // Of no operating system, RFC 1952 section 2.3.1: the same wherever they are packed.
  expect(bytes[9]).toBe(255);
  expect(await unpackItems(bytes.subarray(0, -5))).toBeNull();
  expect(await unpackItems(new TextEncoder().encode('no gzip'))).toBeNull();
});

test.each<readonly [number, number, number, boolean]>([
  [100, 100, 0, true],
  [100, 90, 10, true],
  [100, 80, 20, true],
  [100, 79, 21, false],
  [12, 2, 10, true],
  [12, 1, 11, false],
  [3, 0, 3, false],
  [3, 0, 0, true],
  [0, 0, 0, true],
])('of %d items %d are left, %d withdrawn: believed %s', (known, found, withdrawn, isBelieved) => {
  const codeOf = (): string | null => {
    try {
      checkDeletions(known, found, withdrawn);
      return null;
    } catch (error) {
      return (error as { readonly code?: string }).code ?? '';
    }
  };
  expect(codeOf()).toBe(isBelieved ? null : 'STAC_RESPONSE_INVALID');
});

test('what ended before the window has aged out', () => {
  const until = (text: string | null): Pick<WatchedItem, 'until'> => ({ until: text });
  expect(isAgedOut(until('2026-01-01T00:00:00+01:00'), '2026-01-01T00:00:00Z')).toBe(true);
  expect(isAgedOut(until('2026-01-01T00:00:00Z'), '2026-01-01T00:00:00Z')).toBe(false);
  expect(isAgedOut(until(null), '2026-01-01T00:00:00Z')).toBe(false);
  expect(isAgedOut(until('2020-01-01T00:00:00Z'), null)).toBe(false);
});
