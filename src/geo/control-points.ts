import type { Bounds } from './bbox.ts';

/** A pixel position of an image (corner of the first pixel = 0, 0) and where it lies on the ground. */
export interface ControlPoint {
  readonly col: number;
  readonly row: number;
  readonly x: number;
  readonly y: number;
}

/**
 * Two polynomials of first or second order over a third one of first order, over coordinates that are brought to about
 * -1 to 1 first: `shift` is taken off and `scale` multiplied. Terms: 1, u, v, then u², uv, v².
 */
interface PlaneMap {
  readonly shift: Pair;
  readonly scale: Pair;
  readonly first: readonly number[];
  readonly second: readonly number[];
  /** What both are divided by: 1, 0, 0 but for a homography. Positive where the map holds. */
  readonly divisor: readonly number[];
}

type Pair = readonly [number, number];

const UNDIVIDED = [1, 0, 0];

/** How an image that control points place is mapped, fitted by least squares. All numbers; it can be compared by value. */
export interface ControlPointFit {
  readonly toPixel: PlaneMap;
  /** An approximate inverse of `toPixel`, from which the exact one is found. */
  readonly toGround: PlaneMap;
  /** Far from its points a polynomial comes back to them; outside of this box it is not asked. */
  readonly domain: Bounds;
}

/** GDAL's choice: a homography for four or five points, a polynomial of second order for more, of first order for three. */
const FEWEST_POINTS = 3;
const HOMOGRAPHY_POINTS = 4;
const SECOND_ORDER_POINTS = 6;

/** The domain reaches beyond the points by this many times their box. */
const DOMAIN_MARGIN = 2;

/** Newton's method doubles the digits at each step; a good start has two. */
const NEWTON_STEPS = 8;

/**
 * Fits the transform that gdalwarp 3.13 takes by default, by least squares over all points. Null if they do not determine
 * one (fewer than three, or in a line).
 */
export function fitControlPoints(points: readonly ControlPoint[]): ControlPointFit | null {
  if (points.length < FEWEST_POINTS || !points.every((p) => Object.values(p).every(Number.isFinite))) return null;
  const ground = points.map(({ x, y }) => [x, y] as const);
  const pixels = points.map(({ col, row }) => [col, row] as const);
  const isPolynomial = points.length < HOMOGRAPHY_POINTS || points.length >= SECOND_ORDER_POINTS;
  const maps = isPolynomial ? fitPolynomials(ground, pixels) : fitHomography(ground, pixels);
  if (maps === null) return null;
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [minX, minY, maxX, maxY] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  const [marginX, marginY] = [(maxX - minX) * DOMAIN_MARGIN, (maxY - minY) * DOMAIN_MARGIN];
  return { ...maps, domain: [minX - marginX, minY - marginY, maxX + marginX, maxY + marginY] };
}

/** Takes ground coordinates to pixels, in place; (NaN, NaN) far from the control points. */
export function groundToPixels({ toPixel, domain }: ControlPointFit, xs: Float64Array, ys: Float64Array): void {
  const [minX, minY, maxX, maxY] = domain;
  for (let i = 0; i < xs.length; i++) {
    const [x, y] = [xs[i]!, ys[i]!];
    const isNear = x >= minX && x <= maxX && y >= minY && y <= maxY;
    [xs[i], ys[i]] = isNear ? evaluate(toPixel, x, y) : [Number.NaN, Number.NaN];
  }
}

/** The inverse of `groundToPixels`, in place: the second polynomial gives the start, Newton's method the rest. */
export function pixelsToGround({ toPixel, toGround }: ControlPointFit, xs: Float64Array, ys: Float64Array): void {
  for (let i = 0; i < xs.length; i++) {
    const [col, row] = [xs[i]!, ys[i]!];
    let [x, y] = evaluate(toGround, col, row);
    for (let step = 0; step < NEWTON_STEPS; step++) {
      const [u, v] = evaluate(toPixel, x, y);
      const [[a, b], [c, d]] = slopes(toPixel, x, y);
      const determinant = a * d - b * c;
      if (determinant === 0) break;
      x -= (d * (u - col) - b * (v - row)) / determinant;
      y -= (a * (v - row) - c * (u - col)) / determinant;
    }
    [xs[i], ys[i]] = [x, y];
  }
}

function evaluate({ shift, scale, first, second, divisor }: PlaneMap, x: number, y: number): Pair {
  const u = (x - shift[0]) * scale[0];
  const v = (y - shift[1]) * scale[1];
  const w = valueOf(divisor, u, v);
  return w > 0 ? [valueOf(first, u, v) / w, valueOf(second, u, v) / w] : [Number.NaN, Number.NaN];
}

function valueOf(k: readonly number[], u: number, v: number): number {
  const linear = k[0]! + k[1]! * u + k[2]! * v;
  return k.length === 3 ? linear : linear + k[3]! * u * u + k[4]! * u * v + k[5]! * v * v;
}

/** The derivatives of both coordinates by x and y. */
function slopes({ shift, scale, first, second, divisor }: PlaneMap, x: number, y: number): readonly [Pair, Pair] {
  const u = (x - shift[0]) * scale[0];
  const v = (y - shift[1]) * scale[1];
  const w = valueOf(divisor, u, v);
  const slope = (k: readonly number[]): Pair => {
    const [along, across] = k.length === 3 ? [0, 0] : [2 * k[3]! * u + k[4]! * v, k[4]! * u + 2 * k[5]! * v];
    const value = valueOf(k, u, v) / w;
    const byU = (k[1]! + along - value * divisor[1]!) / w;
    const byV = (k[2]! + across - value * divisor[2]!) / w;
    return [byU * scale[0], byV * scale[1]];
  };
  return [slope(first), slope(second)];
}

/** Brings the values of each axis to the range from `low` (0 or -1) to 1; the scale is infinite if they are all the same. */
function normalise(pairs: readonly Pair[], low: 0 | -1) {
  const range = (axis: 0 | 1): { readonly shift: number; readonly scale: number } => {
    const values = axisOf(pairs, axis);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    return { shift: low === 0 ? least : (least + most) / 2, scale: (1 - low) / (most - least) };
  };
  const [x, y] = [range(0), range(1)];
  return {
    shift: [x.shift, y.shift] as const,
    scale: [x.scale, y.scale] as const,
    pairs: pairs.map((pair): Pair => [(pair[0] - x.shift) * x.scale, (pair[1] - y.shift) * y.scale]),
  };
}

type Maps = Pick<ControlPointFit, 'toPixel' | 'toGround'>;

function fitPolynomials(ground: readonly Pair[], pixels: readonly Pair[]): Maps | null {
  const terms = ground.length >= SECOND_ORDER_POINTS ? 6 : 3;
  const fit = (from: readonly Pair[], to: readonly Pair[]): PlaneMap | null => {
    const { shift, scale, pairs } = normalise(from, -1);
    const rows = pairs.map(([u, v]) => [1, u, v, u * u, u * v, v * v].slice(0, terms));
    const [first, second] = [leastSquares(rows, axisOf(to, 0)), leastSquares(rows, axisOf(to, 1))];
    return first === null || second === null ? null : { shift, scale, first, second, divisor: UNDIVIDED };
  };
  const [toPixel, toGround] = [fit(ground, pixels), fit(pixels, ground)];
  return toPixel === null || toGround === null ? null : { toPixel, toGround };
}

function axisOf(pairs: readonly Pair[], axis: 0 | 1): readonly number[] {
  return pairs.map((pair) => pair[axis]);
}

/**
 * Fits pixel to ground, as GDAL does, and inverts it. The range from 0 to 1 is GDAL's too: it decides how five points that
 * no homography meets share the error.
 */
function fitHomography(ground: readonly Pair[], pixels: readonly Pair[]): Maps | null {
  const [from, to] = [normalise(pixels, 0), normalise(ground, 0)];
  const rows = from.pairs.flatMap(([u, v], n) => {
    const [x, y] = to.pairs[n]!;
    return [
      [1, u, v, 0, 0, 0, -x * u, -x * v],
      [0, 0, 0, 1, u, v, -y * u, -y * v],
    ];
  });
  const found = leastSquares(rows, to.pairs.flat());
  if (found === null) return null;
  const [a, b, c, d, e, f, g, h] = found as [number, number, number, number, number, number, number, number];
  const forward = [
    [a, b, c],
    [d, e, f],
    [1, g, h],
  ] as const;
  // The cofactors of the matrix in the order 1, u, v: rows give column, row and divisor.
  const back = [
    [c * d - a * f, f - d * h, a * h - c],
    [a * e - b * d, d * g - e, b - a * g],
    [b * f - c * e, e * h - f * g, c * g - b * h],
  ] as const;
  const toGround = mapOf(from, to, forward);
  const toPixel = mapOf(to, from, back);
  const isWhole = pixels.every(([u, v], n) =>
    [...evaluate(toGround, u, v), ...evaluate(toPixel, ...ground[n]!)].every(Number.isFinite),
  );
  return isWhole ? { toPixel, toGround } : null;
}

type Normalised = ReturnType<typeof normalise>;

/** A homography between normalised coordinates as one from and to the coordinates themselves. */
function mapOf(from: Normalised, to: Normalised, [first, second, below]: readonly (readonly number[])[]): PlaneMap {
  const sign = below![0]! < 0 ? -1 : 1;
  const divisor = below!.map((k) => k * sign);
  const onto = (row: readonly number[], axis: 0 | 1): readonly number[] =>
    row.map((k, n) => (k * sign) / to.scale[axis] + to.shift[axis] * divisor[n]!);
  return { shift: from.shift, scale: from.scale, first: onto(first!, 0), second: onto(second!, 1), divisor };
}

/** Smaller pivots than this, beside the largest, are rounding: the points do not determine the term. */
const LEAST_PIVOT = 1e-10;

/** Solves the normal equations by elimination with pivoting; null if they have no single solution. */
function leastSquares(rows: readonly (readonly number[])[], values: readonly number[]): readonly number[] | null {
  const size = rows[0]!.length;
  const matrix = Array.from({ length: size }, (_, r) => [
    ...Array.from({ length: size }, (__, c) => rows.reduce((sum, row) => sum + row[r]! * row[c]!, 0)),
    rows.reduce((sum, row, n) => sum + row[r]! * values[n]!, 0),
  ]);
  for (let column = 0; column < size; column++) {
    const rest = matrix.slice(column);
    const best =
      column + rest.reduce((at, row, n) => (Math.abs(row[column]!) > Math.abs(rest[at]![column]!) ? n : at), 0);
    [matrix[column], matrix[best]] = [matrix[best]!, matrix[column]!];
    const pivot = matrix[column]!;
    if (!(Math.abs(pivot[column]!) > LEAST_PIVOT * rows.length)) return null;
    for (const [n, row] of matrix.entries()) {
      if (n === column) continue;
      const factor = row[column]! / pivot[column]!;
      for (let c = column; c <= size; c++) row[c]! -= factor * pivot[c]!;
    }
  }
  return matrix.map((row, n) => row[size]! / row[n]!);
}
