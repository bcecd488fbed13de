import { canonicalJson, digestOf } from '../../src/digest.ts';
import type { TilesetRequest } from './tileset-request.ts';

/**
 * Names everything in a request that can change the pixels of a tile: two requests with one hash give one tile the same
 * bytes, as long as the catalog is the same. SHA-256 in hex over canonical JSON.
 */
export function renderHash(request: TilesetRequest): string {
  return hash(renderFields(request));
}

/**
 * Names everything in a request that can change what is made of given scenes in a given order: the fields of `renderHash`
 * without those that only decide which scenes there are, and what an asset that cannot be read does, as metatiles with
 * one are rendered again in any case. SHA-256 in hex over canonical JSON.
 */
export function pixelHash(request: TilesetRequest): string {
  return hash(pixelFields(request));
}

/**
 * Names everything in a request that can change a pixel or decide whether there is a tile: the fields of `renderHash`,
 * area and zooms. Title, output and the size of metatiles are not in it. SHA-256 in hex over canonical JSON.
 */
export function requestHash(request: TilesetRequest): string {
  return hash(tilesetFields(request));
}

/**
 * Names a run: the fields of `requestHash`, the output, and the size of metatiles, which decides what an index of the
 * plan means. A run can be taken up again exactly if this has not changed. SHA-256 in hex over canonical JSON.
 */
export function runHash(request: TilesetRequest): string {
  return hash({ ...tilesetFields(request), metatileSize: request.metatileSize, output: request.output });
}

function renderFields(request: TilesetRequest): Readonly<Record<string, unknown>> {
  // Left out are what changes how a catalog is asked (limit) and what only ever fails (maxItems).
  const { type, url, query, sortby } = request.mosaic;
  return {
    ...pixelFields(request),
    mosaic: { type, url, query, sortby },
    // Keys and hrefs of what was asked for are in the versions of scenes.
    assets: request.assets,
    onMissingAsset: request.onMissingAsset,
    onAssetError: request.onAssetError === 'skip' ? 'skip' : undefined,
  };
}

function pixelFields(request: TilesetRequest): Readonly<Record<string, unknown>> {
  return {
    tileMatrixSet: request.tileMatrixSet,
    tileSize: request.tileSize,
    bidx: request.bidx,
    nodata: request.nodata,
    rescale: request.rescale,
    pixelSelection: request.pixelSelection,
    // Their defaults are left out, so that requests from before there were these fields keep their hash.
    bandRule: request.bandRule === 'band' ? 'band' : undefined,
    sidecars: request.sidecars.length > 0 ? [...new Set(request.sidecars)].sort() : undefined,
    unscale: request.unscale === 'none' ? undefined : request.unscale,
    crs: request.crs,
    crsOverride: request.crsOverride ? true : undefined,
    resampling: request.resampling,
    antialias: request.antialias ? true : undefined,
    format: request.format,
    quality: request.quality,
    lossless: request.lossless ? true : undefined,
    passThrough: request.passThrough === (request.quality === undefined) ? undefined : request.passThrough,
    bitDepth: request.bitDepth === 16 ? 16 : undefined,
    colormap: request.colormap,
  };
}

function tilesetFields(request: TilesetRequest): Readonly<Record<string, unknown>> {
  return { ...renderFields(request), area: request.area, minzoom: request.minzoom, maxzoom: request.maxzoom };
}

function hash(fields: Readonly<Record<string, unknown>>): string {
  return digestOf(canonicalJson(fields), 64);
}
