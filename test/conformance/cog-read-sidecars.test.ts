import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../src/cog/block-cache.ts';
import { openCog } from '../../src/cog/open-cog.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createMemorySource } from '../support/recording-source.ts';

interface Sidecars {
  readonly gdal: string;
  readonly files: Readonly<
    Record<
      string,
      {
        /** By ending; the COG's own is empty. */
        readonly files: Readonly<Record<string, string>>;
        readonly levels: readonly (readonly [width: number, height: number, pixels: string, mask: string])[];
      }
    >
  >;
}

const NEVER = { signal: new AbortController().signal };
const text = readFileSync(new URL('cog-read.sidecars.json', import.meta.url), 'utf8');
const { gdal, files: cases } = JSON.parse(text) as Sidecars;

function digest(arrays: Iterable<ArrayBufferView>): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex').slice(0, 16);
}

describe(`overviews and masks in files beside the COG, as GDAL ${gdal} reads them`, () => {
  test.each(Object.entries(cases))('%s', async (_, { files, levels }) => {
    const open = (suffix: string) => {
      const file = files[suffix];
      return createMemorySource({ bytes: file === undefined ? null : gunzipSync(Buffer.from(file, 'base64')) });
    };
    const sidecars = { kinds: ['ovr', 'msk'] as const, open };
    const cache = new BlockCache(1024 * 1024);
    await using cog = await openCog(open(''), { cache, counters: createIoCounters(), sidecars, ...NEVER });
    expect(cog.levels.map(({ width, height }) => [width, height])).toEqual(levels.map(([w, h]) => [w, h]));
    for (const [level, [width, height, pixels, mask]] of levels.entries()) {
      const window = { col: 0, row: 0, width, height };
      const raster = await cog.readWindow({ level, window, bands: [1, 2, 3], nodata: null }, NEVER);
      expect.soft(digest(raster.bands), `pixels of level ${level}`).toBe(pixels);
      expect.soft(digest([raster.mask]), `mask of level ${level}`).toBe(mask);
    }
  });
});
