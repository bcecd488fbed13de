import { isTilerError, TilerError } from '../errors.ts';
import { isSamePalette } from '../mosaic/palette.ts';
import { joinShapes, toShape } from '../mosaic/scene-shape.ts';
import type { SceneShape } from '../mosaic/scene-shape.ts';
import { halve } from '../raster/halve.ts';
import type { Halving } from '../raster/halve.ts';
import { createRaster } from '../raster/raster.ts';
import type { Raster } from '../raster/raster.ts';
import { parent, tilePath } from '../tms/tile.ts';
import type { Tile } from '../tms/tile.ts';

/** Pixels of a tile before style and encoding; null = nothing there; an error = it could not be made. */
export type TilePixels = Raster | null | TilerError;

/** A tile that is made of its children, and what became of it. */
export interface ParentTile {
  readonly tile: Tile;
  readonly pixels: TilePixels;
}

interface Unfinished {
  readonly tile: Tile;
  readonly quadrants: Quadrant[];
  /** Children of which nothing has been heard. */
  waitingFor: number;
  failure: TilerError | null;
}

/** A child at half its size, and where in its parent it lies. */
interface Quadrant {
  readonly column: number;
  readonly row: number;
  readonly raster: Raster;
}

/**
 * Makes tiles of the four below them. It is told what became of each tile, in any order, and gives a parent as soon as
 * all of its children are known; the parent is to be told in its turn, as it may be a child itself. Tiles that are no
 * child of a wanted parent may be told too.
 *
 * Holds a quarter of every tile whose parent is unfinished.
 */
export class Parents {
  /** Wanted tiles that have no child: nothing is there. */
  readonly childless: readonly Tile[];
  private readonly unfinished = new Map<string, Unfinished>();
  private readonly halving: Halving;

  /**
   * @param tiles - what the lowest parents are made of
   * @param parents - the tiles to make
   */
  constructor(tiles: readonly Tile[], parents: readonly Tile[], halving: Halving) {
    this.halving = halving;
    for (const tile of parents) {
      this.unfinished.set(tilePath(tile), { tile, quadrants: [], waitingFor: 0, failure: null });
    }
    for (const tile of [...tiles, ...parents]) {
      const above = this.parentOf(tile);
      if (above !== undefined) above.waitingFor++;
    }
    this.childless = [...this.unfinished.values()].flatMap(({ tile, waitingFor }) => (waitingFor === 0 ? [tile] : []));
  }

  /** True if there is no parent to make. */
  get isEmpty(): boolean {
    return this.unfinished.size === 0;
  }

  /** Takes what became of a tile; gives its parent if that is finished by it. */
  add(tile: Tile, pixels: TilePixels): ParentTile | null {
    const above = this.parentOf(tile);
    if (above === undefined) return null;
    if (isTilerError(pixels)) above.failure ??= childFailed(above.tile, tile, pixels);
    else if (pixels !== null && above.failure === null) {
      above.quadrants.push({ column: tile.x % 2, row: tile.y % 2, raster: halve(pixels, this.halving) });
    }
    above.waitingFor--;
    if (above.waitingFor > 0) return null;
    this.unfinished.delete(tilePath(above.tile));
    return { tile: above.tile, pixels: above.failure ?? joinQuadrants(above) };
  }

  private parentOf(tile: Tile): Unfinished | undefined {
    const above = parent(tile);
    return above === null ? undefined : this.unfinished.get(tilePath(above));
  }
}

function childFailed(tile: Tile, child: Tile, cause: TilerError): TilerError {
  const attempted = `Making the tile ${tilePath(tile)} of those below it`;
  const first = cause.code === 'TILE_CHILD_FAILED' ? cause.message : `${tilePath(child)} failed with ${cause.code}`;
  return new TilerError('TILE_CHILD_FAILED', `${attempted}: ${first}`, { cause, context: { tile: tilePath(tile) } });
}

function joinQuadrants({ tile, quadrants }: Unfinished): TilePixels {
  const [first] = quadrants;
  if (first === undefined) return null;
  const { width, height, palette = null } = first.raster;
  let shape = shapeOf(first.raster);
  for (const { raster } of quadrants) {
    const joined = joinShapes(shape, shapeOf(raster));
    if (joined === null || !isSamePalette(palette, raster.palette ?? null))
      return childrenDiffer(tile, first.raster, raster);
    shape = joined;
  }
  const whole = createRaster(width * 2, height * 2, shape.dtype, shape.bandCount);
  for (const { column, row, raster } of quadrants) {
    const { bands, mask } = toShape(raster, shape);
    copyQuadrant(mask, whole.mask, { column, row, width, height });
    for (const [b, band] of bands.entries()) copyQuadrant(band, whole.bands[b]!, { column, row, width, height });
  }
  return palette === null ? whole : { ...whole, palette };
}

function shapeOf({ bands, dtype, palette = null }: Raster): SceneShape {
  return { bandCount: bands.length, dtype, isPaletted: palette !== null };
}

function childrenDiffer(tile: Tile, one: Raster, other: Raster): TilerError {
  const nameOf = ({ bands, dtype, palette = null }: Raster): string =>
    `${bands.length} bands of ${dtype}${palette === null ? '' : ' with a palette'}`;
  return new TilerError(
    'MOSAIC_BANDS_DIFFER',
    `Making the tile ${tilePath(tile)} of those below it: found ${nameOf(one)} and ${nameOf(other)}, expected what goes together`,
    { context: { tile: tilePath(tile) } },
  );
}

function copyQuadrant(
  from: Raster['mask'] | Raster['bands'][number],
  to: Raster['mask'] | Raster['bands'][number],
  { column, row, width, height }: { column: number; row: number; width: number; height: number },
): void {
  for (let y = 0; y < height; y++) {
    const at = (row * height + y) * width * 2 + column * width;
    to.set(from.subarray(y * width, (y + 1) * width), at);
  }
}
