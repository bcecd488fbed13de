import { describe, expect, test } from 'vitest';
import { changedTilesOf, invalidationPaths, tileLines } from '../../../../jobs/watch/changed-tiles.ts';

const tiles = [
  { z: 6, x: 33, y: 22 },
  { z: 6, x: 33, y: 21 },
  { z: 5, x: 16, y: 11 },
  { z: 6, x: 32, y: 22 },
  { z: 6, x: 33, y: 22 },
];

test('lines of the document, and lines for others', () => {
  const document = 'changed 5/16/11\nadded 6/33/22\nemptied 6/33/21\n';
  expect([...changedTilesOf(document)]).toEqual([
    { kind: 'changed', tile: { z: 5, x: 16, y: 11 } },
    { kind: 'added', tile: { z: 6, x: 33, y: 22 } },
    { kind: 'emptied', tile: { z: 6, x: 33, y: 21 } },
  ]);
  expect(tileLines(tiles)).toBe('5/16/11\n6/32/22\n6/33/21\n6/33/22\n');
  expect(tileLines([])).toBe('');
});

describe('paths for a CDN', () => {
  test.each<readonly [number, readonly string[]]>([
    [4, ['/5/16/11.png', '/6/32/22.png', '/6/33/21.png', '/6/33/22.png']],
    [3, ['/5/16/11.png', '/6/32/*', '/6/33/*']],
    [2, ['/5/16/*', '/6/*']],
    [1, ['/*']],
  ])('at most %d', (most, expected) => {
    expect(invalidationPaths(tiles, 'png', most)).toEqual(expected);
  });

  test('none for nothing', () => {
    expect(invalidationPaths([], 'png', 1)).toEqual([]);
  });

  test('all changed tiles are among them, however few there may be', () => {
    const many = Array.from({ length: 3_000 }, (_, i) => ({ z: 8 + (i % 4), x: i % 61, y: i % 97 }));
    for (const most of [1, 3, 10, 100, 1_000, 5_000]) {
      const paths = invalidationPaths(many, 'png', most);
      expect(paths.length).toBeLessThanOrEqual(most);
      const isDropped = (path: string): boolean =>
        paths.some((one) => (one.endsWith('*') ? path.startsWith(one.slice(0, -1)) : path === one));
      expect(many.every(({ z, x, y }) => isDropped(`/${z}/${x}/${y}.png`))).toBe(true);
    }
  });
});
