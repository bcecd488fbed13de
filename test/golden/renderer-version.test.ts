import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { createTileRenderer } from '../../src/render/render-metatile.ts';
import { RENDERER_VERSION } from '../../src/render/renderer-version.ts';
import type { RenderOptions } from '../../src/render/tile-renderer.ts';
import { createMemoryStore } from '../../src/store/memory-store.ts';
import { tilePath } from '../../src/tms/tile.ts';
import { createMemoryMosaic, gridScene } from '../support/memory-mosaic.ts';
import type { GridScene } from '../support/memory-mosaic.ts';
import { PLAIN_OPTIONS } from '../support/render-options.ts';

const PINNED = fileURLToPath(new URL('renderer-version.json', import.meta.url));
const NEVER = { signal: new AbortController().signal };
const BASE: RenderOptions = PLAIN_OPTIONS;

/**
 * What is rendered, of each kind something. The scenes lie on the grid of the tiles, so that all positions are exact and
 * the pixels are the same on every machine.
 */
const CASES: Readonly<Record<string, Partial<RenderOptions>>> = {
  nearest: {},
  bilinear: { resampling: 'bilinear' },
  cubic: { resampling: 'cubic' },
  average: { resampling: 'average' },
  mode: { resampling: 'mode' },
  highest: { pixelSelection: 'highest' },
  mean: { pixelSelection: 'mean', rescale: [[0, 300]] },
  median: { pixelSelection: 'median', rescale: [[0, 300]] },
  rescaled: { rescale: [[20, 200]] },
  'one band': { bidx: [2] },
  'by colours': { bidx: [1], colormap: { 60: [255, 0, 0], 61: [0, 255, 0, 128], 62: [0, 0, 255] } },
};

function scene(id: string, seed: number, grid: Partial<GridScene>): ReturnType<typeof gridScene> {
  const bands = (_: number, col: number, row: number): readonly number[] => {
    const value = (col * seed + row * 31 + ((col * row) >> 4)) & 0xff;
    return value < 60 ? [0, 0, 0] : [value, (value * 3) & 0xff || 1, 255 - (value >> 1)];
  };
  return gridScene({ id, z: 6, x: 30, y: 20, columns: 2, rows: 2, bands, file: { overviews: 2 }, ...grid });
}

const SCENES = [scene('left', 7, {}), scene('right', 13, { x: 31, columns: 2 })];
const TILES = [
  { z: 6, x: 31, y: 20 },
  { z: 6, x: 30, y: 21 },
];
const ABOVE = { z: 5, x: 15, y: 10 };

/** SHA-256 over the pixels of all cases, RGBA as another decoder reads them: compression may differ, they may not. */
async function digestOfCases(): Promise<string> {
  const digest = createHash('sha256');
  for (const [name, options] of Object.entries(CASES)) {
    await using mosaic = createMemoryMosaic(SCENES);
    const renderer = createTileRenderer({ ...mosaic, options: { ...BASE, ...options }, handedOn: createMemoryStore() });
    const work = { index: 0, metatile: { z: 6, x: 15, y: 10, size: 2 }, children: null, tiles: TILES, parents: [ABOVE], handedOn: null };
    const found = new Map<string, Uint8Array | null>();
    await renderer.renderMetatile(
      work,
      async (tile, encoded) => {
        const png = encoded === null ? null : sharp(encoded.bytes).toColourspace('srgb').ensureAlpha();
        found.set(tilePath(tile), png === null ? null : await png.raw().toBuffer());
      },
      NEVER,
    );
    for (const [path, pixels] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) digest.update(`${name} ${path}\n`).update(pixels ?? 'empty');
  }
  return digest.digest('hex');
}

test('tiles are those of the version of the renderer', async () => {
  const found = { version: RENDERER_VERSION, digest: await digestOfCases() };
  const read = async () => JSON.parse(await readFile(PINNED, 'utf8')) as typeof found;
  // Not accepted is what would leave updates with tiles of two kinds.
  const isRaised = (await read()).version < RENDERER_VERSION;
  if (isRaised && process.env['UPDATE_GOLDEN'] === '1') await writeFile(PINNED, `${JSON.stringify(found)}\n`);
  const pinned = await read();
  expect(
    found,
    'pixels have changed: raise RENDERER_VERSION, or updates keep tiles that are rendered differently now; then UPDATE_GOLDEN=1',
  ).toEqual(pinned);
});
