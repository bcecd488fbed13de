import { describe, expect, test } from 'vitest';
import { assertTile, children, isValid, parent, parseTile, tilePath } from '../../../src/tms/tile.ts';
import type { Tile } from '../../../src/tms/tile.ts';

test.each<[Tile, boolean]>([
  [{ z: 0, x: 0, y: 0 }, true],
  [{ z: 3, x: 7, y: 7 }, true],
  [{ z: 30, x: 2 ** 30 - 1, y: 0 }, true],
  [{ z: 31, x: 0, y: 0 }, false],
  [{ z: 3, x: 8, y: 0 }, false],
  [{ z: 3, x: 0, y: 8 }, false],
  [{ z: 3, x: -1, y: 0 }, false],
  [{ z: -1, x: 0, y: 0 }, false],
  [{ z: 1.5, x: 0, y: 0 }, false],
  [{ z: 1, x: 0.5, y: 0 }, false],
  [{ z: 1, x: Number.NaN, y: 0 }, false],
])('%o is valid: %s', (tile, expected) => {
  expect(isValid(tile)).toBe(expected);
});

test('parent and children', () => {
  expect(parent({ z: 3, x: 5, y: 2 })).toEqual({ z: 2, x: 2, y: 1 });
  expect(parent({ z: 0, x: 0, y: 0 })).toBeNull();
  expect(children({ z: 2, x: 2, y: 1 }).map(tilePath)).toEqual(['3/4/2', '3/5/2', '3/4/3', '3/5/3']);
});

describe('parseTile', () => {
  test('reads z/x/y', () => {
    expect(parseTile('11/1108/724')).toEqual({ z: 11, x: 1108, y: 724 });
  });

  test.each(['', '1/2', '1/2/3/4', 'a/b/c', '1/2/-3', '1/2/3.5', ' 1/0/0', '1e1/0/0'])(
    '%j is not an address',
    (text) => {
      expect(() => parseTile(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
    },
  );

  test('an address that cannot exist says what there is', () => {
    expect(() => parseTile('3/8/0')).toThrow(
      expect.objectContaining({
        code: 'TILE_OUT_OF_RANGE',
        message: 'Tile 3/8/0 does not exist: expected column and row from 0 to 7 at zoom 3',
        context: { tile: '3/8/0' },
      }),
    );
    expect(() => assertTile({ z: 99, x: 0, y: 0 })).toThrow('Tile 99/0/0 does not exist: expected a zoom from 0 to 30');
  });
});
