import { boundsOfPoints } from '../geo/crs.ts';
import type { Bounds } from '../geo/bbox.ts';
import type { Project } from '../raster/inverse-mapping.ts';
import type { Window } from '../raster/raster.ts';
import type { ResampleScale } from '../raster/resample.ts';
import { measureScale } from '../raster/resample-scale.ts';

/** A part of a tile that is resampled with one scale. */
export interface Chunk {
  readonly window: Window;
  readonly scale: ResampleScale;
}

/** GDAL halves a chunk whose image lies in the source with less than this share of its area … */
const MIN_FILL = 0.5;

/** … as long as it is longer than this many pixels. */
const MIN_CHUNK = 100;

/** Points along each edge of a box whose image is measured, as many as GDAL takes. */
const BOX_POINTS = 22;

/**
 * The chunks in which gdalwarp 3.13 resamples a tile that a scene covers in part, each with the scale that gdalwarp
 * gives it: the one measured over a window of the chunk's size at the tile's top left corner. Only widened kernels
 * depend on the scale, and by a per cent or two of their width at most; it is followed so that their values agree.
 *
 * @param project - positions in the tile to pixels of the level
 */
export function chunksOfTile(project: Project, tile: Size, level: Size): readonly Chunk[] {
  const scales = new Map<string, ResampleScale>();
  return splitByFill(project, { col: 0, row: 0, ...tile }, level).map((window) => {
    const key = `${window.width}x${window.height}`;
    const scale = scales.get(key) ?? measureScale(project, window.width, window.height);
    scales.set(key, scale);
    return { window, scale };
  });
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function splitByFill(project: Project, window: Window, level: Size): readonly Window[] {
  const box = boxOfWindow(project, window);
  if (box === null) return [];
  const width = Math.min(box[2], level.width) - Math.max(box[0], 0);
  const height = Math.min(box[3], level.height) - Math.max(box[1], 0);
  // As far outside as a pixel centre still counts as inside.
  if (width < -1e-4 || height < -1e-4) return [];
  const fill = (width * height) / Math.max(1, (box[2] - box[0]) * (box[3] - box[1]));
  if (fill >= MIN_FILL || Math.max(window.width, window.height) <= MIN_CHUNK) return [window];
  return halves(window).flatMap((half) => splitByFill(project, half, level));
}

function halves(window: Window): readonly [Window, Window] {
  const { col, row, width, height } = window;
  if (width > height) {
    const first = Math.floor(width / 2);
    return [
      { col, row, width: first, height },
      { col: col + first, row, width: width - first, height },
    ];
  }
  const first = Math.floor(height / 2);
  return [
    { col, row, width, height: first },
    { col, row: row + first, width, height: height - first },
  ];
}

/**
 * The box around the image of a window's outline; `null` if no point of it has one. Where the projection takes columns by
 * x alone and rows by y alone, the positions along a diagonal stand for those of all sides.
 */
export function boxOfWindow(project: Project, { col, row, width, height }: Window, isSeparable = false): Bounds | null {
  const sides = isSeparable ? 1 : 4;
  const xs = new Float64Array(BOX_POINTS * sides);
  const ys = new Float64Array(BOX_POINTS * sides);
  for (let i = 0; i < BOX_POINTS; i++) {
    const x = col + (i / (BOX_POINTS - 1)) * width;
    const y = row + (i / (BOX_POINTS - 1)) * height;
    xs[i] = x;
    ys[i] = isSeparable ? y : row;
    if (isSeparable) continue;
    // Points of one row follow one another, which is less work for some projections.
    xs[BOX_POINTS + i] = x;
    ys[BOX_POINTS + i] = row + height;
    xs[(BOX_POINTS + i) * 2] = col;
    ys[(BOX_POINTS + i) * 2] = y;
    xs[(BOX_POINTS + i) * 2 + 1] = col + width;
    ys[(BOX_POINTS + i) * 2 + 1] = y;
  }
  project(xs, ys);
  return boundsOfPoints(xs, ys);
}
