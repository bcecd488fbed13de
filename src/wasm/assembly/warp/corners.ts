// Where the corners of destination pixels lie in the source: the same operations on the same numbers as in src/raster.
import { mix } from './position';
import { corners, nodeColumns, nodeRows, nodeXs, nodeYs, cornerRow, step, width } from './state';

// Four rows of corners, each of them positions along x and then along y: two on lines through nodes, of which `heldNodes`
// is the number of the upper one, and those above and below a destination line.
let heldNodes: i32 = -1;
let heldLine: i32 = -1;
/** Which of the last two rows is the one above. */
let turn: usize = 0;

/** Forgets the corners of the warp before. */
export function forgetCorners(): void {
  heldNodes = -1;
  heldLine = -1;
}

/** The corners above (0) or below (1) the destination line in work, along x or along y. */
export function cornersOf(side: usize, alongY: bool = false): usize {
  return corners + cornerRow() * (2 + (turn ^ side)) + (alongY ? cornerRow() / 2 : 0);
}

/** Makes the corners above and below a destination line those of `cornersOf`. */
export function placeCorners(line: i32): void {
  turn ^= 1;
  if (heldLine != line) placeLine(line, cornersOf(0));
  placeLine(line + 1, cornersOf(1));
  heldLine = line + 1;
}

/** The images of the corners along the upper edge of a destination line. */
function placeLine(line: i32, to: usize): void {
  const part = cornerRow() / 2;
  const end = <usize>(width + 1) * 8;
  if (step == 0) {
    const y = f64x2.splat(load<f64>(nodeYs + <usize>line * 16));
    for (let at: usize = 0; at < end; at += 16) {
      const from = nodeXs + at * 2;
      v128.store(to + at, v128.load_lane<f64>(from + 16, v128.load_splat<f64>(from), 1));
      v128.store(to + part + at, y);
    }
    return;
  }
  const v = (<f64>line - 0.5) / <f64>step;
  const above = max(0, min(<i32>floor(v), nodeRows - 2));
  const upperNodes = corners;
  const lowerNodes = corners + cornerRow();
  if (heldNodes != above) {
    heldNodes = above;
    placeNodes(above, upperNodes);
    placeNodes(nodeRows > 1 ? above + 1 : above, lowerNodes);
  }
  const t = v - <f64>above;
  // A row of nodes is taken as it is: NaN beside it would spoil it.
  if (t == 0 || t == 1) {
    memory.copy(to, t == 0 ? upperNodes : lowerNodes, part * 2);
    return;
  }
  const share = f64x2.splat(t);
  for (let at: usize = 0; at < end; at += 16) {
    const x = v128.load(upperNodes + at);
    const y = v128.load(upperNodes + part + at);
    const moreX = f64x2.sub(v128.load(lowerNodes + at), x);
    const moreY = f64x2.sub(v128.load(lowerNodes + part + at), y);
    v128.store(to + at, f64x2.add(x, f64x2.mul(moreX, share)));
    v128.store(to + part + at, f64x2.add(y, f64x2.mul(moreY, share)));
  }
}

/** The positions of corners on the line through a row of nodes. */
function placeNodes(row: i32, to: usize): void {
  const part = cornerRow() / 2;
  const right: usize = nodeColumns > 1 ? 8 : 0;
  for (let x = 0; x <= width; x++) {
    const u = (<f64>x - 0.5) / <f64>step;
    const i = max(0, min(<i32>floor(u), nodeColumns - 2));
    const n = <usize>(row * nodeColumns + i) * 8;
    const t = u - <f64>i;
    store<f64>(to + <usize>x * 8, mix(load<f64>(nodeXs + n), load<f64>(nodeXs + n + right), t));
    store<f64>(to + part + <usize>x * 8, mix(load<f64>(nodeYs + n), load<f64>(nodeYs + n + right), t));
  }
}
