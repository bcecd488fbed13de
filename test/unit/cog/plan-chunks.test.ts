import { describe, expect, test } from 'vitest';
import { boxOfWindow, chunksOfTile } from '../../../src/cog/plan-chunks.ts';
import type { Project } from '../../../src/raster/inverse-mapping.ts';

const TILE = { width: 256, height: 256 };

function placed(factor: number, col: number, row: number): Project {
  return (xs, ys) => {
    for (let i = 0; i < xs.length; i++) [xs[i], ys[i]] = [(xs[i]! - col) * factor, (ys[i]! - row) * factor];
  };
}

describe('chunksOfTile', () => {
  test('leaves a tile whole that lies in the scene', () => {
    const chunks = chunksOfTile(placed(4, 0, 0), TILE, { width: 2000, height: 2000 });
    expect(chunks).toEqual([{ window: { col: 0, row: 0, width: 256, height: 256 }, scale: { x: 0.25, y: 0.25 } }]);
  });

  // The chunks that gdalwarp 3.13.3 logs for a scene at the right edge of a tile.
  test('halves a tile until its parts are filled or short, and drops what is empty', () => {
    const chunks = chunksOfTile(placed(3.6, 239, 172), TILE, { width: 92, height: 92 });
    expect(chunks.map(({ window }) => window)).toEqual([
      { col: 192, row: 128, width: 64, height: 64 },
      { col: 192, row: 192, width: 64, height: 64 },
    ]);
  });
});

test('the box of a window is the same by its diagonal where columns and rows are apart', () => {
  const curved: Project = (xs, ys) => {
    for (let i = 0; i < xs.length; i++) [xs[i], ys[i]] = [Math.sin(xs[i]! / 50), Math.exp(ys[i]! / 99)];
  };
  const window = { col: 13, row: 2, width: 243, height: 97 };
  expect(boxOfWindow(curved, window, true)).toEqual(boxOfWindow(curved, window));
});
