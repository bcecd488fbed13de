import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { createTileRenderer } from '../../src/render/render-metatile.ts';
import type { RenderOptions } from '../../src/render/tile-renderer.ts';
import type { Resampling } from '../../src/raster/resample.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { createMemoryMosaic } from '../support/memory-mosaic.ts';

interface Manifest {
  readonly gdal: string;
  readonly size: number;
  readonly cases: readonly PaletteCase[];
}

interface PaletteCase {
  readonly name: string;
  readonly tile: Tile;
  readonly kernel: Resampling;
  /** Pixels that are seen. */
  readonly valid: number;
  /** A GeoTIFF with a palette, written by GDAL; base64. */
  readonly file: string;
  /** The tile by gdalwarp and `gdal_translate -expand rgba`, interleaved; 0 where nothing is seen. */
  readonly rgba: string;
}

const packed = readFileSync(new URL('arrays/palette.json.gz', import.meta.url));
const manifest = JSON.parse(gunzipSync(packed).toString('utf8')) as Manifest;
const FORMATS: readonly Pick<RenderOptions, 'format' | 'lossless'>[] = [
  { format: 'png' },
  { format: 'webp', lossless: true },
  { format: 'avif', lossless: true },
];

const cases = manifest.cases.flatMap((one) =>
  FORMATS.map((options) => ({ ...one, options, place: `${one.tile.z}/${one.tile.x}/${one.tile.y}` })),
);

test.each(cases)(
  'the colours of GDAL: $name, $place, $kernel, $options.format',
  async ({ name, file, tile, kernel, rgba, valid, options }) => {
    const scene = { id: 'a', footprint: [-180, -85, 180, 85], assets: { map: Buffer.from(file, 'base64') } } as const;
    await using mosaic = createMemoryMosaic([scene]);
    const renderer = createTileRenderer({
      ...mosaic,
      options: {
        tileSize: 256,
        bidx: null,
        nodata: null,
        rescale: null,
        pixelSelection: 'first',
        resampling: kernel,
        ...options,
      },
    });
    const encoded = await renderer.renderTile(tile, { signal: new AbortController().signal });
    const found = await sharp(encoded!.bytes).toColourspace('srgb').ensureAlpha().raw().toBuffer();
    const expected = Buffer.from(rgba, 'base64');
    let seen = 0;
    let different = 0;
    for (let at = 0; at < expected.length; at += 4) {
      const [one, other] = [expected.readUInt32BE(at), found.readUInt32BE(at)];
      if ((one & 255) !== 0) seen++;
      // What is not seen has no colour.
      if (one !== other && ((one & 255) !== 0 || (other & 255) !== 0)) different++;
    }
    expect(seen).toBe(valid);
    // In UTM, the last digits decide for a pixel whose middle lies where two pixels of the file meet.
    expect(different).toBeLessThanOrEqual(name === 'bytes' ? 1 : 0);
  },
);
