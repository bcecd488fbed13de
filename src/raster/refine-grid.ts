/** A mapping by nodes, as `InverseMapping` describes it. */
export interface GridMapping {
  readonly kind: 'grid';
  readonly step: number;
  readonly columns: number;
  readonly rows: number;
  readonly xs: Float64Array;
  readonly ys: Float64Array;
}

/** Fewest nodes along each axis of a grid that can be refined. */
export const MIN_REFINABLE = 4;

/**
 * A finer grid over the same window, its nodes by cubic interpolation between those of a coarse one: a tenth of the time
 * that projecting each of them takes. Projections are smooth, so 4 nodes 16 pixels apart give positions to 1e-6 pixels
 * where lines between them are off by 1e-2; whether that holds is for the caller to check.
 */
export function refineGrid(coarse: GridMapping, step: number, columns: number, rows: number): GridMapping {
  const across = cubicSteps(coarse.columns, coarse.step, step, columns);
  const down = cubicSteps(coarse.rows, coarse.step, step, rows);
  const refine = (nodes: Float64Array): Float64Array => {
    const wide = alongRows(nodes, coarse.columns, coarse.rows, across);
    return alongColumns(wide, columns, down);
  };
  return { kind: 'grid', step, columns, rows, xs: refine(coarse.xs), ys: refine(coarse.ys) };
}

/** For each new node: the first of the four old ones around it, and their weights. */
interface CubicSteps {
  readonly first: Int32Array;
  readonly weights: Float64Array;
}

function cubicSteps(nodes: number, coarseStep: number, step: number, count: number): CubicSteps {
  const first = new Int32Array(count);
  const weights = new Float64Array(count * 4);
  for (let i = 0; i < count; i++) {
    const position = (i * step) / coarseStep;
    first[i] = Math.max(0, Math.min(Math.floor(position) - 1, nodes - 4));
    const u = position - first[i]!;
    // Lagrange's polynomials through 0, 1, 2, 3.
    weights[i * 4] = -((u - 1) * (u - 2) * (u - 3)) / 6;
    weights[i * 4 + 1] = (u * (u - 2) * (u - 3)) / 2;
    weights[i * 4 + 2] = -(u * (u - 1) * (u - 3)) / 2;
    weights[i * 4 + 3] = (u * (u - 1) * (u - 2)) / 6;
  }
  return { first, weights };
}

function alongRows(nodes: Float64Array, columns: number, rows: number, { first, weights }: CubicSteps): Float64Array {
  const count = first.length;
  const result = new Float64Array(count * rows);
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < count; i++) {
      const n = j * columns + first[i]!;
      const w = i * 4;
      result[j * count + i] =
        nodes[n]! * weights[w]! +
        nodes[n + 1]! * weights[w + 1]! +
        nodes[n + 2]! * weights[w + 2]! +
        nodes[n + 3]! * weights[w + 3]!;
    }
  }
  return result;
}

function alongColumns(nodes: Float64Array, columns: number, { first, weights }: CubicSteps): Float64Array {
  const count = first.length;
  const result = new Float64Array(columns * count);
  for (let j = 0; j < count; j++) {
    const w = j * 4;
    for (let i = 0; i < columns; i++) {
      const n = first[j]! * columns + i;
      result[j * columns + i] =
        nodes[n]! * weights[w]! +
        nodes[n + columns]! * weights[w + 1]! +
        nodes[n + 2 * columns]! * weights[w + 2]! +
        nodes[n + 3 * columns]! * weights[w + 3]!;
    }
  }
  return result;
}
