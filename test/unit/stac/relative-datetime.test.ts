import { describe, expect, test } from 'vitest';
import { dayOf, isRelativeDatetime, resolveDatetime, resolveQuery } from '../../../src/stac/relative-datetime.ts';

describe('relative datetime', () => {
  test.each([
    ['P30D/..', '2026-11-22', '2026-10-23T00:00:00Z/..'],
    ['P30D/', '2026-11-22', '2026-10-23T00:00:00Z/'],
    ['../P1D', '2026-03-01', '../2026-02-28T00:00:00Z'],
    ['P1Y/P1M', '2024-02-29', '2023-02-28T00:00:00Z/2024-01-29T00:00:00Z'],
    ['P1M/..', '2026-03-31', '2026-02-28T00:00:00Z/..'],
    ['P14M/..', '2026-01-31', '2024-11-30T00:00:00Z/..'],
    ['P2W/P0D', '2026-01-05', '2025-12-22T00:00:00Z/2026-01-05T00:00:00Z'],
    ['P1Y2M3D/2026-06-01T00:00:00Z', '2026-11-22', '2025-09-19T00:00:00Z/2026-06-01T00:00:00Z'],
    ['p7d/..', '2026-11-22', '2026-11-15T00:00:00Z/..'],
  ])('%s on %s', (datetime, day, expected) => {
    expect(isRelativeDatetime(datetime)).toBe(true);
    expect(resolveDatetime(datetime, day)).toBe(expected);
  });

  test.each(['P/..', 'P30D', 'PT3H/..', 'P-3D/..', 'P1.5D/..', 'P30X/..', 'P9999Y/..', 'P1D/P1D/P1D'])(
    '%s is refused',
    (datetime) => {
      expect(() => resolveDatetime(datetime, '2026-11-22')).toThrow(
        expect.objectContaining({ code: 'REQUEST_INVALID', message: expect.stringContaining(datetime) }),
      );
    },
  );

  test('other queries stay as they are', () => {
    for (const query of [{}, { datetime: '2023-08-15T00:00:00Z/..' }, { datetime: 7 }, { collections: ['P30D/..'] }]) {
      expect(resolveQuery(query, '2026-11-22')).toBe(query);
    }
    expect(resolveQuery({ datetime: 'P1D/..', ids: ['a'] }, '2026-11-22')).toEqual({
      datetime: '2026-11-21T00:00:00Z/..',
      ids: ['a'],
    });
  });

  test('a day is that of UTC', () => {
    expect(dayOf(new Date('2026-11-22T23:59:59.999Z'))).toBe('2026-11-22');
    expect(dayOf(new Date('2026-11-23T00:30:00+01:00'))).toBe('2026-11-22');
  });
});
