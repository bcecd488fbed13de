// What the parts of the warp share: where things lie in memory, all given by the caller, and the sizes of one warp.

// The window: four 32-bit floats a pixel, three bands and the mask; samples under mask 0 are 0.
export let windowAt: usize = 0;
/** The mask alone, a byte a pixel. */
export let maskAt: usize = 0;
export let stride: i32 = 0;
export let lines: i32 = 0;
/** Every pixel is valid and opaque. */
export let isFull: bool = false;
/** Some pixels are partly transparent. */
export let isPartial: bool = false;
/** Where the window lies in its image, and the size of that. */
export let originX: f64 = 0;
export let originY: f64 = 0;
export let imageWidth: f64 = 0;
export let imageHeight: f64 = 0;
/** Integers are rounded, floats are not. */
export let isRounded: bool = false;
/** The greatest absolute value of a sample of the window; only for integers. */
export let peak: f32 = 0;

// The mapping: nodes of a grid, or the images of half pixels where `step` is 0.
export let step: i32 = 0;
export let nodeColumns: i32 = 0;
export let nodeRows: i32 = 0;
export let nodeXs: usize = 0;
export let nodeYs: usize = 0;

/** Destination pixels in a row. */
export let width: i32 = 0;
// Rows of as many entries, rounded up.
export let xs: usize = 0;
export let ys: usize = 0;
/** The first source pixel under the kernel, counted from the window's; -1 where the fast way does not do. */
export let offsets: usize = 0;
/** How far a position lies from the pixel centre before it. */
export let fractionXs: usize = 0;
export let fractionYs: usize = 0;
/** Eight rows of weights, as 32-bit floats. */
export let weights: usize = 0;
/** Bytes from one row of weights to the next. */
export let weightRow: usize = 0;
/** Four 32-bit integers (or floats) a pixel: three bands and the mask. */
export let results: usize = 0;
/** Four rows of corners, x beside y: of two rows of nodes and of two destination lines. */
export let corners: usize = 0;

export function setWindow(
  window: usize,
  mask: usize,
  windowWidth: i32,
  windowHeight: i32,
  full: bool,
  partial: bool,
  col: f64,
  row: f64,
  levelWidth: f64,
  levelHeight: f64,
  round: bool,
): void {
  windowAt = window;
  maskAt = mask;
  stride = windowWidth;
  lines = windowHeight;
  isFull = full;
  isPartial = partial;
  originX = col;
  originY = row;
  imageWidth = levelWidth;
  imageHeight = levelHeight;
  isRounded = round;
  peak = 0;
}

export function setPeak(value: f32): void {
  peak = value;
}

export function setMapping(nodeStep: i32, columns: i32, rows: i32, nodesX: usize, nodesY: usize): void {
  step = nodeStep;
  nodeColumns = columns;
  nodeRows = rows;
  nodeXs = nodesX;
  nodeYs = nodesY;
}

/** Bytes that `setRows` divides among the rows of a destination so wide. */
export function rowBytes(pixels: i32): i32 {
  const entries = roundUp(pixels);
  return entries * (8 + 8 + 4 + 8 + 8 + 8 * 4 + 16) + (entries + 16) * 4 * 16;
}

export function setRows(pixels: i32, at: usize): void {
  const entries = <usize>roundUp(pixels);
  width = pixels;
  xs = at;
  ys = xs + entries * 8;
  fractionXs = ys + entries * 8;
  fractionYs = fractionXs + entries * 8;
  results = fractionYs + entries * 8;
  weights = results + entries * 16;
  weightRow = entries * 4;
  offsets = weights + weightRow * 8;
  corners = offsets + entries * 4;
}

/** Room for whole vectors, and for the run of a grid's last cell. */
function roundUp(pixels: i32): i32 {
  return (pixels + 16 + 15) & ~15;
}

/** Bytes of one row of `corners`. */
export function cornerRow(): usize {
  return <usize>(roundUp(width) + 16) * 16;
}
