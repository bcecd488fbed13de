import type { Bounds } from '../geo/bbox.ts';
import { createCornerMapper } from './corner-mapper.ts';
import { type InverseMapping, mapPoint } from './inverse-mapping.ts';
import type { GridMapping } from './refine-grid.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * The box of the source positions of all pixel centres (with `edges`, of the pixels' edges too) of a window; `null` if
 * none has an image. Where every centre has its own node, those more than a pixel outside the image of size `limit` do
 * not count, nor do pixels whose box misses the image.
 */
export function positionExtent(mapping: InverseMapping, window: Size, edges: boolean, limit: Size): Bounds | null {
  const box =
    mapping.kind === 'separable'
      ? separableBox(mapping, edges)
      : edges && mapping.step === 1
        ? exactBox(mapping, window, limit)
        : gridBox(mapping, window, edges, limit);
  return box.minX <= box.maxX && box.minY <= box.maxY ? [box.minX, box.minY, box.maxX, box.maxY] : null;
}

interface Box {
  minX: number;
  minY: number;
  maxX: number;
  maxY: number;
}

function separableBox(mapping: Extract<InverseMapping, { kind: 'separable' }>, edges: boolean): Box {
  const box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  const step = edges ? 1 : 2;
  for (let i = edges ? 0 : 1; i < mapping.xs.length; i += step) {
    const x = mapping.xs[i]!;
    if (x < box.minX) box.minX = x;
    if (x > box.maxX) box.maxX = x;
  }
  for (let i = edges ? 0 : 1; i < mapping.ys.length; i += step) {
    const y = mapping.ys[i]!;
    if (y < box.minY) box.minY = y;
    if (y > box.maxY) box.maxY = y;
  }
  return box;
}

function gridBox(mapping: GridMapping, window: Size, edges: boolean, limit: Size): Box {
  const { width, height } = window;
  const { step, columns, xs, ys } = mapping;
  const box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  const slack = step === 1 ? 1 : Infinity;
  const include = (x: number, y: number): void => {
    // False for NaN as well.
    if (!(x >= -slack && y >= -slack && x <= limit.width + slack && y <= limit.height + slack)) return;
    if (x < box.minX) box.minX = x;
    if (x > box.maxX) box.maxX = x;
    if (y < box.minY) box.minY = y;
    if (y > box.maxY) box.maxY = y;
  };
  for (let j = 0; j * step < height; j++) {
    for (let i = 0; i * step < width; i++) include(xs[j * columns + i]!, ys[j * columns + i]!);
  }
  // The last nodes may lie beyond the window: its far sides are looked up.
  const right = edges ? [0, width] : [width - 0.5];
  const bottom = edges ? [0, height] : [height - 0.5];
  for (const x of right) for (const y of stops(height, step, edges)) include(...mapPoint(mapping, x, y));
  for (const y of bottom) for (const x of stops(width, step, edges)) include(...mapPoint(mapping, x, y));
  return box;
}

/** The box around the boxes of all pixels that meet the image: each lies between the images of two of its corners. */
function exactBox(mapping: GridMapping, { width, height }: Size, limit: Size): Box {
  const box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
  const [upperXs, upperYs] = [new Float64Array(width + 1), new Float64Array(width + 1)];
  const [lowerXs, lowerYs] = [new Float64Array(width + 1), new Float64Array(width + 1)];
  const placeUpper = createCornerMapper(mapping, width, upperXs, upperYs);
  const placeLower = createCornerMapper(mapping, width, lowerXs, lowerYs);
  for (let line = 0; line < height; line++) {
    placeUpper(line);
    placeLower(line + 1);
    for (let i = 0; i < width; i++) {
      const minX = Math.min(upperXs[i]!, lowerXs[i + 1]!);
      const maxX = Math.max(upperXs[i]!, lowerXs[i + 1]!);
      const minY = Math.min(upperYs[i]!, lowerYs[i + 1]!);
      const maxY = Math.max(upperYs[i]!, lowerYs[i + 1]!);
      // False for NaN as well.
      if (!(maxX >= 0 && maxY >= 0 && minX <= limit.width && minY <= limit.height)) continue;
      box.minX = Math.min(box.minX, minX);
      box.minY = Math.min(box.minY, minY);
      box.maxX = Math.max(box.maxX, maxX);
      box.maxY = Math.max(box.maxY, maxY);
    }
  }
  return box;
}

/** The positions along a side between which a mapping is linear: nodes, the last centre and, if asked for, the ends. */
function stops(size: number, step: number, edges: boolean): readonly number[] {
  const nodes = Array.from({ length: Math.ceil((size - 1) / step) }, (_, i) => i * step + 0.5);
  return edges ? [0, ...nodes, size - 0.5, size] : [...nodes, size - 0.5];
}
