import { apply } from '../geo/affine.ts';
import { transformerBetween, WEB_MERCATOR } from '../geo/crs.ts';
import { resolutionAt } from '../tms/web-mercator-quad.ts';
import type { Cog } from './cog.ts';

/** A tile is made of a level of at most twice its resolution, so that no kernel reads more than 4 pixels for one. */
const GREATEST_REDUCTION = 2;

/**
 * The lowest zoom at which tiles can be read from a COG without going through more pixels than they show: that of its
 * coarsest overview, reduced by two at most. Measured in the middle of the image. May be negative; `null` if the middle
 * does not lie on the map.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` if the CRS is not known
 */
export function overviewReach(
  { crs, transform, levels }: Pick<Cog, 'crs' | 'transform' | 'levels'>,
  tileSize: number,
): number | null {
  const [full] = levels;
  const coarsest = levels.at(-1);
  if (full === undefined || coarsest === undefined) return null;
  const { width, height } = full;
  const [x, y] = [width / 2, height / 2];
  const corners = [apply(transform, x, y), apply(transform, x + 1, y), apply(transform, x, y + 1)] as const;
  const xs = Float64Array.from(corners, ([cx]) => cx);
  const ys = Float64Array.from(corners, ([, cy]) => cy);
  transformerBetween(crs, WEB_MERCATOR).transform(xs, ys);
  const [x0 = NaN, x1 = NaN, x2 = NaN] = xs;
  const [y0 = NaN, y1 = NaN, y2 = NaN] = ys;
  const area = Math.abs((x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0));
  const pixel = Math.sqrt(area * (width / coarsest.width) * (height / coarsest.height));
  if (!(pixel > 0) || !Number.isFinite(pixel)) return null;
  // Files made for a zoom are at exactly twice the resolution of the next: they must not fall short by rounding.
  return Math.ceil(Math.log2(resolutionAt(0, tileSize) / (GREATEST_REDUCTION * pixel)) - 1e-3);
}
