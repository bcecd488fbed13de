/** The filters of PNG by their byte: none, sub, up, average, Paeth (ISO 15948, 9.2). */
export const FILTERS = [0, 1, 2, 3, 4] as const;
export type Filter = (typeof FILTERS)[number];

/**
 * Filters one band of one row and lays it between the other bands.
 *
 * @param band - row-major, `width` wide; pixels beyond the left and upper edge count as 0
 * @param at - where the band's first byte goes in `out`
 * @param stride - bands that lie between each other in `out`
 */
export function filterRow(
  filter: Filter,
  band: Uint8Array,
  width: number,
  row: number,
  out: Uint8Array,
  at: number,
  stride: number,
): void {
  const from = row * width;
  const end = from + width;
  let to = at;
  if (filter === 0) {
    for (let i = from; i < end; i++, to += stride) out[to] = band[i]!;
    return;
  }
  if (filter === 1) {
    let left = 0;
    for (let i = from; i < end; i++, to += stride) {
      const value = band[i]!;
      out[to] = value - left;
      left = value;
    }
    return;
  }
  if (filter === 2) {
    if (row === 0) for (let i = from; i < end; i++, to += stride) out[to] = band[i]!;
    else for (let i = from; i < end; i++, to += stride) out[to] = band[i]! - band[i - width]!;
    return;
  }
  if (filter === 3) {
    let left = 0;
    if (row === 0) {
      for (let i = from; i < end; i++, to += stride) {
        const value = band[i]!;
        out[to] = value - (left >> 1);
        left = value;
      }
    } else {
      for (let i = from; i < end; i++, to += stride) {
        const value = band[i]!;
        out[to] = value - ((left + band[i - width]!) >> 1);
        left = value;
      }
    }
    return;
  }
  paethRow(band, width, row, out, at, stride);
}

/**
 * Paeth's predictor by masks: which neighbour it is is a coin toss in a photograph, and branches cost twice the time. With
 * `threshold = 3 * corner - left - up` it is the lesser of left and up at or above the larger of them, the larger at or
 * below the lesser, and the corner between.
 */
function paethRow(band: Uint8Array, width: number, row: number, out: Uint8Array, at: number, stride: number): void {
  const from = row * width;
  const above = row === 0 ? 0 : width;
  let left = 0;
  let corner = 0;
  for (let i = from, to = at; i < from + width; i++, to += stride) {
    const value = band[i]!;
    const up = above === 0 ? 0 : band[i - above]!;
    const lesser = up + ((left - up) & ((left - up) >> 31));
    const larger = left + up - lesser;
    const threshold = 3 * corner - left - up;
    const low = lesser + ((corner - lesser) & ((threshold - larger) >> 31));
    out[to] = value - (larger + ((low - larger) & ((lesser - threshold) >> 31)));
    left = value;
    corner = up;
  }
}
