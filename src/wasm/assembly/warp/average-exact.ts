import { cornersOf } from './corners';
import { finish, lower, upper } from './pixels';
import {
  imageHeight,
  imageWidth,
  isRounded,
  lines,
  maskAt,
  originX,
  originY,
  results,
  stride,
  windowAt,
} from './state';

// As in src/raster/source-box.ts.
export const EPSILON: f64 = 1e-10;
export const TOUCH: f64 = 1e-6;

// One axis of a box: the first source pixel in the window, how many there are, and how much of the outermost ones counts.
let start: i32 = 0;
let count: i32 = 0;
let first: f64 = 0;
let last: f64 = 0;

/** Sets the above from the images of two corners; false if the box misses the image. */
function span(a: f64, b: f64, imageSize: f64, origin: f64, size: i32): bool {
  const least = a < b ? a : b;
  const most = a < b ? b : a;
  // Also for NaN.
  if (!(least < imageSize - TOUCH && most > TOUCH)) return false;
  const from = max<f64>(floor(least + EPSILON), 0);
  const to = max<f64>(min<f64>(ceil(most - EPSILON), imageSize), from + 1);
  const single = to == from + 1;
  first = single ? 1 : 1 - (least - from);
  last = single ? 1 : 1 - (to - most);
  // Within the window whatever a caller says.
  start = max(<i32>(from - origin), 0);
  count = min(<i32>(to - from), size - start);
  return count > 0;
}

/** A mean in 64-bit floats, of the valid pixels of a box; gives 1 if there are any, else 0. */
export function exactPixel(i: i32): i32 {
  const to = results + <usize>i * 16;
  v128.store(to, i32x4.splat(0));
  const above = cornersOf(0) + <usize>i * 8;
  const below = cornersOf(1) + <usize>i * 8 + 8;
  const pitch = cornersOf(0, true) - cornersOf(0);
  if (!span(load<f64>(above), load<f64>(below), imageWidth, originX, stride)) return 0;
  const col = start;
  const columns = count;
  const left = first;
  const right = last;
  if (!span(load<f64>(above + pitch), load<f64>(below + pitch), imageHeight, originY, lines)) return 0;
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  let total: f64 = 0;
  for (let l = 0; l < count; l++) {
    const offset = (start + l) * stride + col;
    let lineLow = f64x2.splat(0);
    let lineHigh = f64x2.splat(0);
    let line: f64 = 0;
    for (let c = 0; c < columns; c++) {
      if (load<u8>(maskAt + offset + c) == 0) continue;
      const weight = c == 0 ? left : c == columns - 1 ? right : 1;
      const pixel = windowAt + <usize>(offset + c) * 16;
      lineLow = f64x2.add(lineLow, f64x2.mul(lower(pixel), f64x2.splat(weight)));
      lineHigh = f64x2.add(lineHigh, f64x2.mul(upper(pixel), f64x2.splat(weight)));
      line += weight;
    }
    const weight = l == 0 ? first : l == count - 1 ? last : 1;
    low = f64x2.add(low, f64x2.mul(lineLow, f64x2.splat(weight)));
    high = f64x2.add(high, f64x2.mul(lineHigh, f64x2.splat(weight)));
    total += line * weight;
  }
  if (total <= 0) return 0;
  low = f64x2.div(low, f64x2.splat(total));
  high = f64x2.div(high, f64x2.splat(total));
  v128.store(to, finish(low, high, isRounded));
  if (!isRounded) store<f32>(to, <f32>floor(f64x2.extract_lane(high, 1) + 0.5), 12);
  return 1;
}
