import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSortby, sortItems } from '../../../src/stac/order.ts';
import { readItems } from '../../support/stac-items.ts';

function ids(sortby: readonly string[], ...items: readonly unknown[]): readonly string[] {
  return sortItems(readItems(...items), parseSortby(sortby)).map(({ id }) => id);
}

function cloudy(id: string, value: unknown): unknown {
  return { id, properties: { 'eo:cloud_cover': value } };
}

describe('parseSortby', () => {
  test('spells fields as the sort extension does', () => {
    expect(parseSortby(['-properties.datetime', '+eo:cloud_cover', 'id', '-collection'])).toEqual([
      { field: 'properties.datetime', direction: 'desc' },
      { field: 'properties.eo:cloud_cover', direction: 'asc' },
      { field: 'id', direction: 'asc' },
      { field: 'collection', direction: 'desc' },
    ]);
  });

  test.each(['', '-', '+properties.'])('refuses %j', (text) => {
    expect(() => parseSortby([text])).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});

describe('sortItems', () => {
  test('sorts numbers as numbers, both ways', () => {
    const items = [cloudy('a', 9), cloudy('b', 100), cloudy('c', 10.5)];
    expect(ids(['eo:cloud_cover'], ...items)).toEqual(['a', 'c', 'b']);
    expect(ids(['-eo:cloud_cover'], ...items)).toEqual(['b', 'c', 'a']);
  });

  test('puts items without a value last, both ways', () => {
    const items = [cloudy('none', null), cloudy('a', 1), { id: 'bare' }, cloudy('b', 2), cloudy('odd', [3])];
    expect(ids(['eo:cloud_cover'], ...items)).toEqual(['a', 'b', 'bare', 'none', 'odd']);
    expect(ids(['-eo:cloud_cover'], ...items)).toEqual(['b', 'a', 'bare', 'none', 'odd']);
  });

  test('compares times as instants, to the microsecond', () => {
    const at = (id: string, datetime: string): unknown => ({ id, properties: { datetime } });
    const items = [
      at('a', '2023-08-15T09:58:11.662000Z'),
      at('b', '2023-08-15T09:58:11Z'),
      at('c', '2023-08-15T11:58:11.662001+02:00'),
      at('d', '2023-08-15T09:57:57.246Z'),
    ];
    expect(ids(['-properties.datetime'], ...items)).toEqual(['c', 'a', 'b', 'd']);
    expect(ids(['datetime'], ...items)).toEqual(['d', 'b', 'a', 'c']);
  });

  test('breaks ties by collection, then ID, by code units, whatever the direction', () => {
    const items = [
      { id: 'b', collection: 'y' },
      { id: 'a', collection: 'y' },
      { id: 'ä', collection: 'x' },
      { id: 'Z', collection: 'x' },
      { id: 'z', collection: 'x' },
    ];
    expect(ids(['-properties.datetime'], ...items)).toEqual(['Z', 'z', 'ä', 'a', 'b']);
  });

  test('takes further keys where the first ones tie, and whole fields and nested ones', () => {
    const items = [
      { id: 'a', collection: 'x', properties: { view: { angle: 1 }, n: 1 } },
      { id: 'b', collection: 'x', properties: { view: { angle: 2 }, n: 1 } },
      { id: 'c', collection: 'w', properties: { n: 1 } },
    ];
    expect(ids(['n', '-properties.view.angle'], ...items)).toEqual(['b', 'a', 'c']);
    expect(ids(['n', '-id'], ...items)).toEqual(['c', 'b', 'a']);
    expect(ids(['-collection', 'n'], ...items)).toEqual(['a', 'b', 'c']);
  });

  test('gives one order for any order of arrival and any mixture of values', () => {
    const value = fc.oneof(
      fc.double(),
      fc.string(),
      fc.boolean(),
      fc.constant(null),
      fc.constant('2024-01-01T00:00:00Z'),
    );
    const items = fc.uniqueArray(fc.record({ id: fc.string({ minLength: 1 }), properties: fc.record({ v: value }) }), {
      selector: ({ id }) => id,
      maxLength: 12,
    });
    fc.assert(
      fc.property(items, fc.constantFrom('v', '-v'), (some, key) => {
        expect(ids([key], ...some)).toEqual(ids([key], ...some.toReversed()));
      }),
    );
  });
});
