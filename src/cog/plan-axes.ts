import { createSeparableMapping, type Project, type SeparableMapping } from '../raster/inverse-mapping.ts';
import type { Window } from '../raster/raster.ts';
import type { SceneGeometry } from './plan-scene.ts';
import type { TileGrid } from './plan-read.ts';

/** An axis of a tile of 256 pixels takes 4 KiB: those of 32 metatiles of 64 tiles, or of one with larger tiles. */
const MAX_BYTES = 2 * 1024 * 1024;

/** What a separable mapping depends on. */
export interface AxesRequest {
  readonly scene: SceneGeometry;
  readonly grid: TileGrid;
  readonly window: Window;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly shift: number;
}

/**
 * Mappings by columns and rows, of which the latest are remembered, at most 2 MiB: tiles of one column have the same
 * columns, and tiles of one row the same rows. What it gives is shared, and not to be written to.
 */
export class AxisCache {
  readonly #axes = new Map<string, Float64Array>();
  #bytes = 0;

  /** The mapping of a window of a tile; `project` is called if the images of its columns or rows are not known. */
  mapping(request: AxesRequest, project: Project): SeparableMapping {
    const { scene, grid, window, scaleX, scaleY, shift } = request;
    const [minX, minY, maxX, maxY] = grid.bounds;
    const keyX = `x ${minX} ${maxX} ${grid.width} ${window.col} ${window.width} ${scaleX} ${shift} ${scene.key}`;
    const keyY = `y ${minY} ${maxY} ${grid.height} ${window.row} ${window.height} ${scaleY} ${scene.key}`;
    const xs = this.#axes.get(keyX);
    const ys = this.#axes.get(keyY);
    if (xs !== undefined && ys !== undefined) return { kind: 'separable', xs, ys };
    const created = createSeparableMapping(project, window.width, window.height);
    return {
      kind: 'separable',
      xs: xs ?? this.#keep(keyX, created.xs),
      ys: ys ?? this.#keep(keyY, created.ys),
    };
  }

  #keep(key: string, axis: Float64Array): Float64Array {
    this.#axes.set(key, axis);
    this.#bytes += axis.byteLength;
    for (const [oldest, { byteLength }] of this.#axes) {
      if (this.#bytes <= MAX_BYTES) break;
      this.#axes.delete(oldest);
      this.#bytes -= byteLength;
    }
    return axis;
  }
}
