import { gunzipSync } from 'node:zlib';
import { WEB_MERCATOR_HALF } from '../../src/geo/crs.ts';
import type { Cog } from '../../src/cog/cog.ts';
import { planRead, type ReadPlan, type TileGrid } from '../../src/cog/plan-read.ts';
import { readPlan } from '../../src/cog/read-raster.ts';
import { mapPoint } from '../../src/raster/inverse-mapping.ts';
import { createRaster, isIntegerDtype, type Dtype, type Raster } from '../../src/raster/raster.ts';
import type { Resampling } from '../../src/raster/resample.ts';

/** What an expected tile was made from. */
export interface TileCase {
  readonly grid: TileGrid;
  readonly resampling: Resampling;
  readonly bands: number;
  readonly dtype: Dtype;
  readonly nodata: number | null;
}

/** Differences between a tile and the expected one. `values` are samples of pixels that are valid in both. */
export interface Difference {
  readonly values: number;
  /** Samples that are not identical. */
  readonly differing: number;
  /** Samples that are off by more than 1 (float: by more than 1e-5 of the value). */
  readonly far: number;
  readonly largest: number;
  /** Pixels valid in one tile alone, leaving out those whose centre lies within 1e-3 source pixels of a pixel's edge. */
  readonly mask: number;
  /** Largest difference between masks where both are valid. */
  readonly alpha: number;
}

/** The bounds of an XYZ tile of WebMercatorQuad, worked out here so that the code under test has no part in it. */
export function gridOf([z, x, y]: readonly [number, number, number], size: number): TileGrid {
  const span = (2 * WEB_MERCATOR_HALF) / 2 ** z;
  const [west, north] = [-WEB_MERCATOR_HALF + x * span, WEB_MERCATOR_HALF - y * span];
  return { bounds: [west, north - span, west + span, north], width: size, height: size };
}

/** Reads an expected tile: bands, then mask, little-endian, gzip. */
export function decodeExpected(bytes: Uint8Array, { grid, bands, dtype }: TileCase): Raster {
  const raw = gunzipSync(bytes);
  const { width, height } = grid;
  const length = width * height;
  const raster = createRaster(width, height, dtype, bands);
  const size = raster.bands[0]!.BYTES_PER_ELEMENT;
  raster.bands.forEach((band, b) => {
    new Uint8Array(band.buffer).set(raw.subarray(b * length * size, (b + 1) * length * size));
  });
  raster.mask.set(raw.subarray(bands * length * size));
  return raster;
}

export interface RenderedTile {
  readonly raster: Raster;
  readonly plans: readonly ReadPlan[];
}

/** Fills a tile from scenes, first on top, whole pixels at a time. */
export async function fillTile(cogs: readonly Cog[], tile: TileCase): Promise<RenderedTile> {
  const { grid, bands, dtype, resampling, nodata } = tile;
  const raster = createRaster(grid.width, grid.height, dtype, bands);
  const { signal } = new AbortController();
  const plans: ReadPlan[] = [];
  for (const cog of cogs) {
    const plan = planRead(cog, grid, resampling);
    if (plan === null) continue;
    plans.push(plan);
    const numbers = Array.from({ length: bands }, (_, b) => b + 1);
    for (const piece of await readPlan(cog, plan, { bands: numbers, nodata, signal })) {
      place(raster, piece.raster, piece.col, piece.row);
    }
  }
  return { raster, plans };
}

function place(tile: Raster, piece: Raster, col: number, row: number): void {
  for (let i = 0; i < piece.mask.length; i++) {
    const at = (row + Math.floor(i / piece.width)) * tile.width + col + (i % piece.width);
    if (piece.mask[i] === 0 || tile.mask[at] !== 0) continue;
    tile.mask[at] = piece.mask[i]!;
    tile.bands.forEach((band, b) => (band[at] = piece.bands[b]![i]!));
  }
}

/** Kernels whose values are those of single source pixels. */
const PICKING: readonly string[] = ['mode', 'min', 'max', 'median'];

/**
 * Compares a tile with the expected one. For kernels that pick a value, pixels do not count of which a corner
 * lies within 2e-4 source pixels of a pixel's edge: rounding decides whether the pixel beyond it is in the box.
 */
export function compareTiles({ raster, plans }: RenderedTile, expected: Raster, kernel?: string): Difference {
  const difference = { values: 0, differing: 0, far: 0, largest: 0, mask: 0, alpha: 0 };
  const integer = isIntegerDtype(expected.dtype);
  expected.mask.forEach((wanted, i) => {
    const found = raster.mask[i]!;
    if (wanted > 0 !== found > 0) {
      if (!plans.some((plan) => isNearEdge(plan, i % raster.width, Math.floor(i / raster.width)))) difference.mask++;
      return;
    }
    if (wanted === 0) return;
    difference.alpha = Math.max(difference.alpha, Math.abs(wanted - found));
    expected.bands.forEach((band, b) => {
      const off = Math.abs(band[i]! - raster.bands[b]![i]!);
      const relative = integer ? off : off / Math.max(1, Math.abs(band[i]!)) / 1e-5;
      difference.values++;
      if (
        off > 0 &&
        PICKING.includes(kernel ?? '') &&
        isAtCorner(plans, i % raster.width, Math.floor(i / raster.width))
      )
        return;
      if (off > 0) difference.differing++;
      if (relative > 1) difference.far++;
      difference.largest = Math.max(difference.largest, off);
    });
  });
  return difference;
}

/**
 * Where a tile misses the thresholds: masks identical (alpha to 1), nearest 99.9 % identical, kernels that pick a value
 * of the source identical, other kernels to 1 (float: 1e-5 of the value). Empty = agrees.
 */
export function faultsOf(found: Difference, kernel: string): readonly string[] {
  const faults: string[] = [];
  if (found.mask > 0) faults.push(`${found.mask} pixels valid in one tile alone`);
  if (found.alpha > 1) faults.push(`alpha off by ${found.alpha}`);
  if (kernel === 'nearest' && found.differing > found.values / 1000) {
    faults.push(`${found.differing} of ${found.values} samples differ`);
  }
  if (PICKING.includes(kernel) && found.differing > 0) {
    faults.push(`${found.differing} of ${found.values} samples differ, at most by ${found.largest}`);
  } else if (kernel !== 'nearest' && found.far > 0) {
    faults.push(`${found.far} of ${found.values} samples are off by more than 1, at most ${found.largest}`);
  }
  return faults;
}

/** True if rounding alone decides which source pixel is nearest to a tile's pixel. */
function isNearEdge(plan: ReadPlan, col: number, row: number): boolean {
  return plan.parts.some(({ destination, mapping }) => {
    const [x, y] = mapPoint(mapping, col - destination.col + 0.5, row - destination.row + 0.5);
    return [x, y].some((position) => Math.abs(position - Math.round(position)) < 1e-3);
  });
}

/** True if rounding alone decides which source pixels a pixel's box touches. */
function isAtCorner(plans: readonly ReadPlan[], col: number, row: number): boolean {
  return plans.some(({ parts }) =>
    parts.some(({ destination, mapping }) =>
      [0, 1].some((side) =>
        mapPoint(mapping, col - destination.col + side, row - destination.row + side).some(
          (position) => Math.abs(position - Math.round(position)) < 2e-4,
        ),
      ),
    ),
  );
}
