import type { RenderOptions } from '../src/render/tile-renderer.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

/** The nodata of a request: NaN is written `"nan"`, as JSON has no NaN; `item` = the items decide, null = the files. */
export function nodataOf({ nodata }: Pick<TilesetRequest, 'nodata'>): RenderOptions['nodata'] {
  return nodata === 'nan' ? Number.NaN : (nodata ?? null);
}

/** What the pixels of a request's tiles depend on, besides the scenes. */
export function renderOptionsOf(request: TilesetRequest): RenderOptions {
  return {
    tileSize: request.tileSize,
    bidx: request.bidx ?? null,
    nodata: nodataOf(request),
    unscale: request.unscale,
    rescale: request.rescale ?? null,
    pixelSelection: request.pixelSelection,
    bandRule: request.bandRule,
    onAssetError: request.onAssetError,
    resampling: request.resampling,
    antialias: request.antialias,
    format: request.format,
    quality: request.quality ?? null,
    lossless: request.lossless,
    passThrough: request.passThrough ?? null,
    bitDepth: request.bitDepth,
    colormap: request.colormap ?? null,
  };
}
