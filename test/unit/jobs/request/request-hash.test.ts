import { describe, expect, test } from 'vitest';
import { TilesetRequestSchema } from '../../../../jobs/request/request-schema.ts';
import { pixelHash, renderHash } from '../../../../jobs/request/request-hash.ts';
import { parseTilesetRequest } from '../../../../jobs/request/tileset-request.ts';
import type { TilesetRequest } from '../../../../jobs/request/tileset-request.ts';

type Fields = Readonly<Record<string, unknown>>;

const BASE = {
  mosaic: { type: 'stac', url: 'https://stac.test/search', query: { collections: ['a'] } },
  area: { bbox: [0, 0, 1, 1] },
  minzoom: 3,
  maxzoom: 9,
  assets: ['red', 'green', 'blue'],
  rescale: [[0, 3000]],
  output: 'out',
};

function requestOf(fields: Fields = {}): TilesetRequest {
  return parseTilesetRequest({ ...BASE, ...fields });
}

/** Everything that there is to say of a request: a new field has to find its place here. */
const CHANGES_PIXELS: Readonly<Record<string, Fields>> = {
  tileSize: { tileSize: 512 },
  sidecars: { sidecars: ['msk'] },
  bidx: { bidx: [1] },
  nodata: { nodata: 0 },
  unscale: { unscale: 'item' },
  crs: { crs: 'EPSG:32633' },
  crsOverride: { crs: 'EPSG:32633', crsOverride: true },
  rescale: { rescale: [[0, 4000]] },
  pixelSelection: { pixelSelection: 'mean' },
  bandRule: { pixelSelection: 'highest', bandRule: 'band' },
  resampling: { resampling: 'cubic' },
  colormap: { colormap: 'none' },
  antialias: { resampling: 'cubic', antialias: true },
  format: { format: 'webp' },
  quality: { format: 'webp', quality: 50 },
  lossless: { format: 'webp', lossless: true },
  passThrough: { format: 'webp', passThrough: false },
  bitDepth: { bitDepth: 16 },
};

/** What decides only which scenes there are, which tiles, or where they go: scenes and tiles are told apart besides. */
const CHANGES_NONE: Readonly<Record<string, Fields>> = {
  name: { name: 'another' },
  description: { description: 'others' },
  attribution: { attribution: 'others' },
  mosaic: { mosaic: { ...BASE.mosaic, url: 'https://other.test/', query: { ids: ['x'] }, sortby: ['id'], limit: 7 } },
  area: { area: { bbox: [0, 0, 2, 2] } },
  minzoom: { minzoom: 2 },
  maxzoom: { maxzoom: 10 },
  sourceMinzoom: { sourceMinzoom: 5 },
  assets: { assets: ['nir', 'green', 'blue'] },
  onMissingAsset: { onMissingAsset: 'skip' },
  onAssetError: { onAssetError: 'skip' },
  metatileSize: { metatileSize: 4 },
  output: { output: 'elsewhere' },
  publicUrl: { publicUrl: 'https://tiles.test/' },
  keepVersions: { keepVersions: 9 },
};

describe('what the request makes of given scenes', () => {
  test.each(Object.entries(CHANGES_PIXELS))('is another with another %s', (_, fields) => {
    expect(pixelHash(requestOf(fields))).not.toBe(pixelHash(requestOf()));
    expect(renderHash(requestOf(fields))).not.toBe(renderHash(requestOf()));
  });

  test('changes with each of those fields by itself', () => {
    const hashes = Object.values(CHANGES_PIXELS).map((fields) => pixelHash(requestOf(fields)));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  test.each(Object.entries(CHANGES_NONE))('is the same with another %s', (_, fields) => {
    expect(pixelHash(requestOf(fields))).toBe(pixelHash(requestOf()));
  });

  test('says of every field whether it changes pixels', () => {
    const placed = new Set([...Object.keys(CHANGES_PIXELS), ...Object.keys(CHANGES_NONE), 'tileMatrixSet']);
    expect(Object.keys(TilesetRequestSchema.shape).filter((field) => !placed.has(field))).toEqual([]);
  });

  test('is the same for a field that says what its default does', () => {
    const said = { bandRule: 'pixel', unscale: 'none', sidecars: [], antialias: false, bitDepth: 8, tileSize: 256 };
    expect(pixelHash(requestOf(said))).toBe(pixelHash(requestOf()));
  });
});
