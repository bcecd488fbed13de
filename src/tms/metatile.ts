import type { Bbox, Bounds } from '../geo/bbox.ts';
import { hilbertAt, hilbertSquare } from './hilbert.ts';
import type { Tile } from './tile.ts';
import { latitudeOf, longitudeOf, resolutionAt, tileBounds } from './web-mercator-quad.ts';

/**
 * An aligned square of `size × size` tiles of one zoom, rendered by one job so that searches and reads are shared.
 * `x` and `y` count metatiles, so its tiles start at column `x · size` and row `y · size`. `size` is a power of two and
 * at most the width of the tile matrix: at zoom 0 it is 1.
 */
export interface Metatile {
  readonly z: number;
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

/** A metatile and those of its tiles that the area touches, in Hilbert order: the work of one job. */
export interface MetatileWork {
  /** Number of the metatile in its plan; its bit in the run's bitmap. */
  readonly index: number;
  readonly metatile: Metatile;
  /** Null if the tiles are rendered from scenes; else the tiles of the next zoom that they are made of, handed on by other metatiles. */
  readonly children: readonly Tile[] | null;
  readonly tiles: readonly Tile[];
  /** Tiles of lower zooms inside the metatile, made of the tiles beside them: the next lower zoom first. */
  readonly parents: readonly Tile[];
  /** The tile as large as the metatile, if another metatile needs its pixels. */
  readonly handedOn: Tile | null;
}

/** Every tile that a job gives: those of its metatile, then their parents. */
export function allTilesOf({ tiles, parents }: Pick<MetatileWork, 'tiles' | 'parents'>): readonly Tile[] {
  return parents.length === 0 ? tiles : [...tiles, ...parents];
}

/** Pixels around a metatile that its rendering reads too, because kernels reach over the edges of tiles. */
export interface Halo {
  readonly pixels: number;
  /** Pixels per tile side. */
  readonly tileSize: number;
}

const NO_HALO: Halo = { pixels: 0, tileSize: 256 };

/** The size of the metatiles of a zoom: the wanted one, or the whole tile matrix where that is smaller. */
export function metatileSizeAt(z: number, size: number): number {
  return Math.min(size, 2 ** z);
}

/** The metatile that holds a tile. `size` is a power of two, cut to the tile matrix. */
export function metatileOf(tile: Tile, size: number): Metatile {
  const cut = metatileSizeAt(tile.z, size);
  return { z: tile.z, x: Math.floor(tile.x / cut), y: Math.floor(tile.y / cut), size: cut };
}

/** All tiles of a metatile, in Hilbert order. */
export function metatileTiles(metatile: Metatile): readonly Tile[] {
  const { z, size } = metatile;
  const inner = Math.log2(size);
  const { orientation } = hilbertAt(z - inner, metatile.x, metatile.y);
  const tiles: Tile[] = [];
  for (let i = 0; i < size * size; i++) {
    const { x, y } = hilbertSquare(inner, i, orientation);
    tiles.push({ z, x: metatile.x * size + x, y: metatile.y * size + y });
  }
  return tiles;
}

/** What a metatile covers, in metres of EPSG:3857; with a halo it may reach beyond the tile matrix. */
export function metatileBounds(metatile: Metatile, halo: Halo = NO_HALO): Bounds {
  const inner = Math.log2(metatile.size);
  const [minX, minY, maxX, maxY] = tileBounds({ z: metatile.z - inner, x: metatile.x, y: metatile.y });
  const margin = halo.pixels * resolutionAt(metatile.z, halo.tileSize);
  return [minX - margin, minY - margin, maxX + margin, maxY + margin];
}

/**
 * What a metatile covers, in degrees. With a halo it crosses the antimeridian where the metatile lies at it (west >
 * east), reaches a little beyond the tile matrix at its top and bottom, and is the whole circle of longitudes where it
 * would meet itself.
 */
export function metatileBbox(metatile: Metatile, halo: Halo = NO_HALO): Bbox {
  const n = 2 ** metatile.z;
  const margin = halo.pixels / halo.tileSize;
  const west = (metatile.x * metatile.size - margin) / n;
  const east = ((metatile.x + 1) * metatile.size + margin) / n;
  const south = latitudeOf(((metatile.y + 1) * metatile.size + margin) / n);
  const north = latitudeOf((metatile.y * metatile.size - margin) / n);
  if (east - west >= 1) {
    return [-180, south, 180, north];
  }
  return [longitudeOf(west < 0 ? west + 1 : west), south, longitudeOf(east > 1 ? east - 1 : east), north];
}
