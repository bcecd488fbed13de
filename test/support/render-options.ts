import type { RenderOptions } from '../../src/render/tile-renderer.ts';

/** Grey scenes as they are, the first one on top; 0 is nodata. */
export const PLAIN_OPTIONS: RenderOptions = {
  tileSize: 256,
  bidx: null,
  nodata: 0,
  rescale: null,
  pixelSelection: 'first',
  resampling: 'nearest',
  format: 'png',
};
