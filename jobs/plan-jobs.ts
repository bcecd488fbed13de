import { TilerError } from '../src/errors.ts';
import type { Bbox } from '../src/geo/bbox.ts';
import { normalisePolygon, polygonBbox } from '../src/geo/polygon.ts';
import { countCover, countRanges } from '../src/tms/cover-counts.ts';
import type { CoverCounts } from '../src/tms/cover-counts.ts';
import { childIndicesOf, indexWith } from '../src/tms/cover-children.ts';
import { worksOf } from '../src/tms/cover-works.ts';
import { createCover, indexOf, workAt } from '../src/tms/cover.ts';
import type { Cover, CoverArea } from '../src/tms/cover.ts';
import { holdsRange, meetsRanges } from '../src/tms/index-ranges.ts';
import type { IndexRanges } from '../src/tms/index-ranges.ts';
import type { Metatile, MetatileWork } from '../src/tms/metatile.ts';
import type { Tile } from '../src/tms/tile.ts';
import { MAX_LATITUDE } from '../src/tms/web-mercator-quad.ts';
import type { ZoomRange } from './run-status.ts';
import type { TilesetRequest } from './request/tileset-request.ts';

/** The fields of a request that decide which tiles there are and how they are grouped. */
export type PlanRequest = Pick<TilesetRequest, 'area' | 'minzoom' | 'maxzoom' | 'metatileSize' | 'sourceMinzoom'>;

/**
 * Metatiles in a row that one process had better have, at least: in Hilbert order 16 are a square of four by four, or nearly,
 * and share the blocks that they are read from.
 */
export const STRETCH = 16;

/** How much of a plan counts. */
export interface PlanOptions {
  /**
   * Only the metatiles of these indices, which stay as they are: what is counted, given and waited for is cut to them.
   * Indices that the plan does not have are none of it. Null or absent = all.
   */
  readonly only?: IndexRanges | null;
}

/** Where to start in a plan. */
interface WorksOptions {
  /** The first index to give; 0 if left out. */
  readonly fromIndex?: number;
}

/**
 * Which tiles a request asks for, grouped in metatiles, one job each: zooms ascending from the lowest that is rendered
 * from scenes, then what is made of those (`baseZooms`); Hilbert order within a zoom and within a metatile, every tile
 * once. A tile is in it if it overlaps the area with positive area.
 *
 * Every metatile has an index, the same for the same request wherever it is computed: its rank among the metatiles of
 * the area's bounding rectangle, zoom by zoom. With a polygon some indices have no work. The plan holds no list; it is
 * computed from the area at every call.
 */
export interface TilesetPlan {
  /** Of the whole plan. */
  readonly cover: Cover;
  /** What the area covers, in degrees, cut to the latitudes of the grid; crosses the antimeridian as the area does. */
  readonly bbox: Bbox;
  /** Indices run from 0 to `indexCount - 1`: so many bits say which metatiles are done. */
  readonly indexCount: number;
  /** True if metatiles leave pixels of tiles for others. */
  readonly handsTilesOn: boolean;
  /** Exact numbers of tiles and metatiles (those with work), computed once. Milliseconds for a bbox of any size or part. */
  counts(): CoverCounts;
  /** The metatiles of each zoom that has some, in the order in which they are rendered; counted when first asked for. */
  readonly zooms: readonly ZoomRange[];
  /** The work, from an index on; indices ascend. Costs what is taken, not what is skipped. */
  works(options?: WorksOptions): Generator<MetatileWork, void, undefined>;
  /** The work of one index; null where the polygon leaves the metatile out, or the plan is without it. */
  workAt(index: number): MetatileWork | null;
  /** The index of the metatile that gives a tile; null if the tile is not in the plan. Cheaper than its work. */
  indexWith(tile: Tile): number | null;
  /** The work that gives a tile; null if the tile is not in the plan. */
  workWith(tile: Tile): MetatileWork | null;
  /** True for a metatile that is made of tiles that others hand on. Costs nothing. */
  isMadeOfTiles(index: number): boolean;
  /** The indices of the metatiles that must be done before this one, since it is made of their tiles. */
  childIndicesOf(work: MetatileWork): readonly number[];
  /** The index of a metatile; null if it lies outside the bounding rectangle or has another size than the plan's. Of the whole plan. */
  indexOf(metatile: Metatile): number | null;
}

/**
 * Plans a request. The area of a request that is read by `loadTilesetRequest` is ready for it.
 *
 * @throws TilerError `REQUEST_INVALID` if the area is a file still, or has no area
 */
export function createPlan(request: PlanRequest, { only: ranges = null }: PlanOptions = {}): TilesetPlan {
  const area = coverAreaOf(request);
  const cover = createCover({ ...request, area });
  // Counting all is cheaper than counting all of them.
  const only = ranges !== null && holdsRange(ranges, 0, cover.indexCount) ? null : ranges;
  const has = (index: number): boolean => only === null || meetsRanges(only, index, index + 1);
  const indexOfTile = (tile: Tile): number | null => {
    const index = indexWith(cover, tile);
    return index !== null && has(index) ? index : null;
  };
  let counts: CoverCounts | null = null;
  const countOnce = (): CoverCounts => (counts ??= only === null ? countCover(cover) : countRanges(cover, only));
  return {
    cover,
    bbox: planBbox(area),
    indexCount: cover.indexCount,
    handsTilesOn: cover.zooms.some(({ isHandedOn }) => isHandedOn),
    counts: countOnce,
    get zooms() {
      const { perZoom } = countOnce();
      const zooms = cover.zooms.map(({ z, firstIndex, indexCount }) => {
        return { z, firstIndex, indexCount, metatiles: perZoom.find((zoom) => zoom.z === z)?.metatiles ?? 0 };
      });
      return only === null ? zooms : zooms.filter(({ metatiles }) => metatiles > 0);
    },
    works: ({ fromIndex = 0 } = {}) => worksOf(cover, fromIndex, only),
    workAt: (index) => (has(index) ? workAt(cover, index) : null),
    indexWith: indexOfTile,
    workWith(tile) {
      const index = indexOfTile(tile);
      return index === null ? null : workAt(cover, index);
    },
    // They come last.
    isMadeOfTiles: (index) => index >= (cover.zooms.find(({ from }) => from === 'children')?.firstIndex ?? Infinity),
    childIndicesOf: (work) => childIndicesOf(cover, work).filter(has),
    indexOf: (metatile) => indexOf(cover, metatile),
  };
}

/**
 * The area of a request as geometry: a bbox, or a polygon with longitudes in -180..180.
 *
 * @throws TilerError `REQUEST_INVALID` if the area is a file, which only reading the request can resolve
 */
export function coverAreaOf({ area }: Pick<TilesetRequest, 'area'>): CoverArea {
  if ('bbox' in area) {
    return { kind: 'bbox', bbox: area.bbox };
  }
  if ('geometry' in area) {
    return { kind: 'polygon', polygon: normalisePolygon(area.geometry) };
  }
  throw new TilerError(
    'REQUEST_INVALID',
    `Planning the area of ${JSON.stringify(area.file)}: found the name of a file, expected its geometry`,
  );
}

function planBbox(area: CoverArea): Bbox {
  const bbox = area.kind === 'bbox' ? area.bbox : polygonBbox(area.polygon);
  if (bbox === null) {
    throw new TilerError('REQUEST_INVALID', 'Planning an area: found a polygon without area, expected one with some');
  }
  const [west, south, east, north] = bbox;
  const cut = (lat: number): number => Math.min(MAX_LATITUDE, Math.max(-MAX_LATITUDE, lat));
  return [west, cut(south), east, cut(north)];
}
