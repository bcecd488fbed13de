import { describe, expect, test } from 'vitest';
import { createPathToTile, tileToPath } from '../../../src/store/tile-path.ts';

describe('tile path', () => {
  test('is z/x/y with the ending, and back', () => {
    const tile = { z: 11, x: 1024, y: 7 };
    expect(tileToPath(tile, 'webp')).toBe('11/1024/7.webp');
    expect(createPathToTile('webp')('11/1024/7.webp')).toEqual(tile);
  });

  test.each([
    '11/1024/7.png',
    '11/1024/07.webp',
    '011/1024/7.webp',
    '11/1024/.7.webp.tmp',
    '11/1024/7.webp/8.webp',
    'x/11/1024/7.webp',
    '/11/1024/7.webp',
    '11/1024/7xwebp',
    '-1/0/0.webp',
    'tilejson.json',
    '',
  ])('%j is no path of a WebP tile', (path) => {
    expect(createPathToTile('webp')(path)).toBeNull();
  });
});
