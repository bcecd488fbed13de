/**
 * Tilewright as a library: from a STAC search to encoded tiles in a store, without a queue and without a process of its
 * own. A renderer is put together from a backend (which scenes), a COG pool (their pixels) and a request's options.
 */
export { ERROR_CODES, isAbortError, isTilerError, TilerError } from './errors.ts';
export type { ErrorCode, ErrorContext, Retry, TilerErrorOptions } from './errors.ts';
export { createIoCounters, SILENT } from './observe.ts';
export type { IoCounters, Logger } from './observe.ts';

export type { Affine } from './geo/affine.ts';
export type { Bbox, Bounds } from './geo/bbox.ts';

export { createCover, indexOf, workAt } from './tms/cover.ts';
export { worksOf } from './tms/cover-works.ts';
export type { Cover, CoverArea, CoverOptions } from './tms/cover.ts';
export { metatileOf, metatileTiles } from './tms/metatile.ts';
export type { Metatile, MetatileWork } from './tms/metatile.ts';
export { assertTile, children, isValid, parent, parseTile, tilePath } from './tms/tile.ts';
export type { Tile } from './tms/tile.ts';
export { tileAt, tileBbox, tileBounds, tileTransform } from './tms/web-mercator-quad.ts';

export type { Dtype, Raster, Samples, Window } from './raster/raster.ts';

export { BlockCache } from './cog/block-cache.ts';
export { createCogPool } from './cog/cog-pool.ts';
export type { CogPool, CogPoolOptions } from './cog/cog-pool.ts';
export type { Cog, CogCrs, CogLevel, ReadWindow } from './cog/cog.ts';
export { limitSharp } from './cog/codec/load-sharp.ts';
export { createRangeSourceOpener } from './cog/open-range-source.ts';
export type { RangeSourceOpenerOptions } from './cog/open-range-source.ts';
export type { OpenRangeSource, RangeSource } from './cog/range-source.ts';

export type { BackendCallOptions, MosaicBackend } from './mosaic/backend.ts';
export { createDynamicStacBackend } from './mosaic/dynamic-stac-backend.ts';
export type {
  BandRule,
  CreatePixelSelection,
  MosaicShape,
  PixelSelection,
  PixelSelectionOptions,
} from './mosaic/pixel-selection.ts';
export { createPixelSelection, PIXEL_SELECTION_NAMES } from './mosaic/pixel-selection/registry.ts';
export type { PixelSelectionName } from './mosaic/pixel-selection/registry.ts';
export type { CogOpener } from './mosaic/scene-reader.ts';
export type { AssetRef, Scene } from './mosaic/scene.ts';

export { createEncoder } from './render/encode/create-encoder.ts';
export type { TileFormat } from './render/encode/create-encoder.ts';
export type { TileEncoder } from './render/encode/encoder.ts';
export { readPoint } from './render/point.ts';
export type { PointParts, PointReading, PointScene } from './render/point.ts';
export { createTileRenderer, DEFAULT_RENDER_LIMITS } from './render/render-metatile.ts';
export type { RenderLimits, TileRendererParts } from './render/render-metatile.ts';
export type {
  EncodedTile,
  LeftOut,
  LeftOutScene,
  MetatileReport,
  RenderOptions,
  TileFailure,
  TileRenderer,
  TileSink,
} from './render/tile-renderer.ts';

export { createMemoryStore } from './store/memory-store.ts';
export { openTileStore, parseStoreLocation } from './store/open-store.ts';
export type { OpenStoreOptions, StoreLocation } from './store/open-store.ts';
export type { StoreCallOptions, TileStore } from './store/tile-store.ts';
export { createTileJson, parseTileJson, tileJsonToText } from './store/tilejson.ts';
export type { TileJson, TileJsonInput } from './store/tilejson.ts';
