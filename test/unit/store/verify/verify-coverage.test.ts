import { describe, expect, test } from 'vitest';
import { ProblemList } from '../../../../src/store/pmtiles/archive-problems.ts';
import type { Problem } from '../../../../src/store/pmtiles/archive-problems.ts';
import type { TilesetTiles } from '../../../../src/store/verify/tileset-tiles.ts';
import { TileIdRuns } from '../../../../src/store/verify/tile-id-runs.ts';
import { verifyCoverage } from '../../../../src/store/verify/verify-coverage.ts';
import type { VerifiedCoverage } from '../../../../src/store/verify/verify-coverage.ts';
import { tileIdFromTile } from '../../../../src/tms/tile-id.ts';
import { HILLS, PIXELS, pixelTiles } from '../../../support/pixel-tiles.ts';
import type { PixelTilesOptions, World } from '../../../support/pixel-tiles.ts';

const { signal } = new AbortController();

async function verify(
  tileset: TilesetTiles,
  { sample = Infinity, planned = null }: { sample?: number; planned?: TileIdRuns | null } = {},
): Promise<VerifiedCoverage & { readonly problems: readonly Problem[] }> {
  const problems = new ProblemList();
  const report = await verifyCoverage(tileset, problems, { sample, planned, signal });
  return { ...report, problems: problems.list() };
}

/** Four by four tiles in the middle of zoom 5, and the four of zoom 4 above them. */
const SQUARE = { range: [8, 11], minzoom: 4, maxzoom: 5 } as const satisfies Partial<PixelTilesOptions>;
const ONE_ZOOM = { ...SQUARE, minzoom: 5 } as const;

async function problemsOf(options: PixelTilesOptions): Promise<readonly string[]> {
  const { problems } = await verify(await pixelTiles(options));
  return problems.flatMap(({ code, messages }) => messages.map((message) => `${code} ${message}`));
}

/** A world in which some pixels have another alpha. */
function withAlpha(alpha: number, where: (column: number, row: number, z: number) => boolean): World {
  return (column, row, z) => (where(column, row, z) ? { light: 0, alpha } : HILLS(column, row, z));
}

/** Nothing in the quadrant that is tile 5/9/9. */
const SEA = withAlpha(0, (column, row, z) => {
  const side = PIXELS * 2 ** (z - 5);
  return Math.floor(column / side) === 9 && Math.floor(row / side) === 9;
});

/** The column of zoom 5 at which tile 5/9 ends and 5/10 begins. */
const EDGE = 10 * PIXELS;

describe('holes', () => {
  test('a set without one has none', async () => {
    expect(await problemsOf(SQUARE)).toStrictEqual([]);
    expect(await problemsOf({ ...SQUARE, format: 'jpeg' })).toStrictEqual([]);
  });

  test('a tile inside that is missing', async () => {
    expect(await problemsOf({ ...SQUARE, without: ['5/9/10'] })).toStrictEqual([
      'HOLE 5/9/10 is missing; 4/4/5 has pixels there',
    ]);
    expect(await problemsOf({ ...ONE_ZOOM, without: ['5/9/10'] })).toStrictEqual([
      'HOLE 5/9/10 is missing between the tiles around it',
    ]);
  });

  test('several beside each other, by their parents', async () => {
    const range = [8, 15] as const;
    const without = ['5/11/11', '5/12/11', '5/11/12', '5/12/12'];
    const found = await problemsOf({ ...SQUARE, range, without });
    expect(found.map((text) => text.slice(0, 12)).sort()).toStrictEqual(without.map((name) => `HOLE ${name}`).sort());
  });

  test('one at the border of the set is no hole, and said where its parent has pixels', async () => {
    expect(await problemsOf({ ...ONE_ZOOM, without: ['5/8/9', '5/11/11'] })).toStrictEqual([]);
    expect(await problemsOf({ ...SQUARE, without: ['5/8/9'] })).toStrictEqual([
      'HOLE_AT_BORDER 5/8/9 is missing; 4/4/4 has pixels there',
    ]);
  });

  test('where the parent has nothing, or beyond the bounds, none is wanted', async () => {
    expect(await problemsOf({ ...SQUARE, world: SEA, without: ['5/9/9'] })).toStrictEqual([]);
    // The west edge of column 9.
    const west = (9 / 32) * 360 - 180;
    const bbox = [west, -80, 0, 80] as const;
    expect(await problemsOf({ ...SQUARE, bbox, without: ['5/8/8', '5/8/9'] })).toStrictEqual([]);
  });

  test('pixels at the edges of a quadrant may be those of the tiles beside it', async () => {
    const spill = withAlpha(0, (column, row, z) => {
      if (z === 5) return SEA(column, row, z).alpha === 0;
      const [left, top] = [column - 4.5 * PIXELS, row - 4.5 * PIXELS];
      return left >= 3 && top >= 2 && left < PIXELS / 2 && top < PIXELS / 2;
    });
    expect(await problemsOf({ ...SQUARE, world: spill, without: ['5/9/9'] })).toStrictEqual([]);
  });

  test('of a plan: what was planned is a hole at the border too, what was not is none', async () => {
    const idOf = (z: number, x: number, y: number): number => tileIdFromTile({ z, x, y });
    const plannedOf = (names: readonly (readonly [number, number, number])[]): TileIdRuns =>
      TileIdRuns.of(Float64Array.from(names, (name) => idOf(...name)));
    const tileset = await pixelTiles({ ...SQUARE, without: ['5/8/9', '5/9/10'] });
    const all = [8, 9, 10, 11].flatMap((x) => [8, 9, 10, 11].map((y) => [5, x, y] as const));
    const whole = await verify(tileset, { planned: plannedOf(all) });
    expect(whole.problems).toMatchObject([{ code: 'HOLE', count: 2 }]);
    const part = await verify(tileset, { planned: plannedOf(all.filter(([, x]) => x !== 8)) });
    expect(part.problems).toMatchObject([{ code: 'HOLE', count: 1 }]);
  });
});

describe('seams between tiles', () => {
  test.each([
    ['one pixel of the tile to the east', 0, 0, 1],
    ['one pixel of the tile to the west', 0, -1, 0],
    ['one of each', 0, -1, 1],
    ['two of one', 0, -2, 0],
    ['half transparent', 128, 0, 1],
  ])('%s', async (_, alpha, from, to) => {
    const world = withAlpha(alpha, (column) => column >= EDGE + from && column < EDGE + to);
    const { problems } = await verify(await pixelTiles({ ...ONE_ZOOM, world }));
    expect(problems).toMatchObject([{ code: 'SEAM', count: 4 }]);
    expect(problems[0]?.messages.join()).toContain(`${PIXELS} uncovered pixels`);
  });

  test('between rows of tiles', async () => {
    const world = withAlpha(0, (_, row) => row === EDGE);
    expect((await verify(await pixelTiles({ ...ONE_ZOOM, world }))).problems).toMatchObject([
      { code: 'SEAM', count: 4 },
    ]);
  });

  test('across 180 degrees', async () => {
    const world = withAlpha(0, (column) => column === 0);
    const tileset = await pixelTiles({ world, range: [0, 3], minzoom: 2, maxzoom: 2 });
    const { problems } = await verify(tileset);
    expect(problems).toMatchObject([{ code: 'SEAM_AT_ANTIMERIDIAN', severity: 'warning', count: 4 }]);
    expect(problems[0]?.messages.join()).toContain('2/0/0 and 2/3/0');
  });

  test('black between tiles without alpha', async () => {
    const world: World = (column, row, z) => (column === EDGE ? { light: 0, alpha: 255 } : HILLS(column, row, z));
    const { problems } = await verify(await pixelTiles({ ...ONE_ZOOM, world, format: 'jpeg' }));
    expect(problems.map(({ code }) => code)).toContain('SEAM');
  });

  test.each<[string, (column: number, row: number) => boolean]>([
    ['three pixels', (column) => column >= EDGE - 1 && column < EDGE + 2],
    ['the end of a scene', (column) => column >= EDGE],
    ['single pixels', (column, row) => column === EDGE && row % 5 === 0],
    ['a corner', (column, row) => column === EDGE && row % PIXELS < 3],
  ])('%s are none', async (_, where) => {
    expect(await problemsOf({ ...ONE_ZOOM, world: withAlpha(0, where) })).toStrictEqual([]);
  });

  test('a layer that is half transparent everywhere has none', async () => {
    expect(await problemsOf({ ...ONE_ZOOM, world: withAlpha(100, () => true) })).toStrictEqual([]);
  });
});

describe('seams inside tiles', () => {
  test('a cross through a tile, as abutting scenes leave it', async () => {
    const world = withAlpha(0, (column, row) => {
      return (
        (column === 9 * PIXELS + 31 && Math.floor(row / PIXELS) === 9) ||
        (row === 9 * PIXELS + 31 && Math.floor(column / PIXELS) === 9)
      );
    });
    const { problems } = await verify(await pixelTiles({ ...ONE_ZOOM, world }));
    expect(problems).toMatchObject([{ code: 'SEAM_INSIDE', count: 4 }]);
  });

  test('a slanted line, two pixels wide', async () => {
    const world = withAlpha(0, (column, row) => Math.abs(column - (9 * PIXELS + 10 + row / 8) + 65) < 1);
    const { problems } = await verify(await pixelTiles({ ...ONE_ZOOM, world }));
    expect(problems.map(({ code }) => code)).toContain('SEAM_INSIDE');
  });

  test.each<[string, (column: number, row: number) => boolean]>([
    ['a river', (column, row) => Math.abs(column - 9.5 * PIXELS - 9 * Math.sin(row / 6)) < 1],
    ['speckle', (column, row) => (column * 7919 + row * 104_729) % 17 === 0],
    ['three pixels', (column) => Math.abs(column - 9.5 * PIXELS) <= 1],
    ['a short line', (column, row) => column === 9 * PIXELS + 20 && row % PIXELS < 15],
  ])('%s is none', async (_, where) => {
    expect(await problemsOf({ ...ONE_ZOOM, world: withAlpha(0, where) })).toStrictEqual([]);
  });
});

describe('pictures that do not go on', () => {
  test('a tile of another place', async () => {
    const moved: World = (column, row, z) =>
      Math.floor(column / PIXELS) === 9 && Math.floor(row / PIXELS) === 10
        ? { ...HILLS(row, column, z), light: HILLS(row + 500, column + 77, z).light / 2 }
        : HILLS(column, row, z);
    const { problems } = await verify(await pixelTiles({ ...ONE_ZOOM, world: moved }));
    expect(problems).toMatchObject([{ code: 'TILE_OUT_OF_PLACE', count: 1 }]);
    expect(problems[0]?.messages[0]).toMatch(/^5\/9\/10 /);
  });

  test('scenes of different brightness that end where tiles do are none', async () => {
    const scenes: World = (column, row, z) => {
      const { light, alpha } = HILLS(column, row, z);
      return { light: column >= EDGE && row >= EDGE ? light / 4 : light, alpha };
    };
    expect(await problemsOf({ ...ONE_ZOOM, world: scenes })).toStrictEqual([]);
  });
});

describe('work', () => {
  test('a sample is the same squares every time, and has edges', async () => {
    const tileset = await pixelTiles({ range: [0, 15], minzoom: 4, maxzoom: 4 });
    const first = await verify(tileset, { sample: 64 });
    expect(first).toMatchObject({ tiles: 256, decoded: 64 });
    expect(first.edges).toBeGreaterThanOrEqual(4 * 24);
    expect(await verify(tileset, { sample: 64 })).toStrictEqual(first);
  });

  test('what is kept is the outline of what has been seen', async () => {
    const report = await verify(await pixelTiles({ range: [0, 31], minzoom: 5, maxzoom: 5 }));
    // 32 rows of 32 edges across columns, 180 degrees among them, and 31 of 32 across rows.
    expect(report).toMatchObject({ tiles: 1024, decoded: 1024, edges: 32 * 32 + 31 * 32, problems: [] });
    expect(report.mostKept).toBeLessThanOrEqual(6 * 32);
  }, 60_000);

  test('a tile that is no picture keeps nothing waiting', async () => {
    const tileset = await pixelTiles(SQUARE);
    const torn: TilesetTiles = {
      label: 'torn',
      bbox: null,
      tiles: (options) => tileset.tiles(options),
      find: (tileId) => tileset.find(tileId),
      read: async (tile, options) =>
        tile.tileId === tileIdFromTile({ z: 5, x: 9, y: 9 }) ? new Uint8Array(9) : await tileset.read(tile, options),
      [Symbol.asyncDispose]: () => tileset[Symbol.asyncDispose](),
    };
    expect(await verify(torn)).toMatchObject({ tiles: 20, decoded: 19, problems: [] });
  });
});
