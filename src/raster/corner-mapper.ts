import { halves, type InverseMapping, mix } from './inverse-mapping.ts';
import type { GridMapping } from './refine-grid.ts';

/**
 * Gives a function that fills `xs` and `ys` with the source positions of the corners (0, y), (1, y) … (width, y) of
 * destination pixels: what `mapPoint` says of each, at a tenth of its time.
 */
export function createCornerMapper(mapping: InverseMapping, width: number, xs: Float64Array, ys: Float64Array) {
  if (mapping.kind === 'separable') {
    return (y: number): void => {
      const image = halves(mapping.ys, y * 2);
      for (let i = 0; i <= width; i++) {
        xs[i] = halves(mapping.xs, i * 2);
        ys[i] = image;
      }
    };
  }
  const { step, rows } = mapping;
  const nodes = [createNodeRow(width), createNodeRow(width)] as const;
  return (y: number): void => {
    const v = (y - 0.5) / step;
    const j = Math.max(0, Math.min(Math.floor(v), rows - 2));
    fillNodeRow(nodes[0], mapping, j);
    fillNodeRow(nodes[1], mapping, rows > 1 ? j + 1 : j);
    const t = v - j;
    for (let i = 0; i <= width; i++) {
      xs[i] = mix(nodes[0].xs[i]!, nodes[1].xs[i]!, t);
      ys[i] = mix(nodes[0].ys[i]!, nodes[1].ys[i]!, t);
    }
  };
}

/** The positions of corners on the line through a row of nodes; `row` is the one that it was last filled from. */
interface NodeRow {
  row: number;
  readonly xs: Float64Array;
  readonly ys: Float64Array;
}

function createNodeRow(width: number): NodeRow {
  return { row: -1, xs: new Float64Array(width + 1), ys: new Float64Array(width + 1) };
}

function fillNodeRow(nodes: NodeRow, mapping: GridMapping, row: number): void {
  if (nodes.row === row) return;
  nodes.row = row;
  const { step, columns, xs, ys } = mapping;
  const right = columns > 1 ? 1 : 0;
  for (let x = 0; x < nodes.xs.length; x++) {
    const u = (x - 0.5) / step;
    const i = Math.max(0, Math.min(Math.floor(u), columns - 2));
    const n = row * columns + i;
    nodes.xs[x] = mix(xs[n]!, xs[n + right]!, u - i);
    nodes.ys[x] = mix(ys[n]!, ys[n + right]!, u - i);
  }
}
