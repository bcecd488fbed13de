// Where everything lies. Tables are static; what depends on the picture's size follows behind them, laid out anew by
// `begin` for each picture. All buffers that are read or written 16 bytes at a time have room for the last of them.

/** Slots of the matchers: 8,192 entries stay in the first-level cache beside the pixels. */
export const HASH_BITS: i32 = 13;
export const HEADS: usize = memory.data(4 << 13, 16);
/** The place before each place, of the last 32 KiB. */
export const PREVIOUS: usize = memory.data(4 << 15, 16);

/** Runs of literals and the match after each: two u32, of one block. */
export const SEQUENCES: usize = memory.data(8 * 14_000, 16);

/** What a literal costs, by value, in sixteenths of a bit: of the filter in hand, and of the best. */
export const COSTS: usize = memory.data(4 * 256, 16);
export const BEST_COSTS: usize = memory.data(4 * 256, 16);
/** Four tables of counts of bytes: an equal neighbour does not have to wait for the count before it. */
export const HISTOGRAM: usize = memory.data(4 * 4 * 256, 16);

/** Colours of a palette, the hash table over them, 16 pixels in hand, and the place of each colour in the file. */
export const COLOURS: usize = memory.data(4 * 256, 16);
export const COLOUR_SLOTS: usize = memory.data(8 * 1024, 16);
export const CHUNK: usize = memory.data(64, 16);
export const PLACES: usize = memory.data(256, 16);
/** Which indices pixels that are seen have, then which those have that are not: 1 or 0 each. */
export const USED: usize = memory.data(2 * 256, 16);

/** Rows that are looked at to choose a filter: three at each of as many places. */
export const SAMPLED_PLACES: i32 = 3;
export const ROWS_OF_PLACE: i32 = 3;
export const SAMPLED_ROWS: i32 = 9;

/** Zeros ahead of a row, which stand for what is left of the picture, and room behind it. */
const AHEAD: i32 = 16;
const BEHIND: i32 = 64;
/** Signature, header, palette with alpha, and the frames of the chunks: what a file has beside its deflated rows. */
const FILE_OVERHEAD: i32 = 8 + 25 + (12 + 768) + (12 + 256) + (12 + 6) + 12;

let imageWidth: i32 = 0;
let imageHeight: i32 = 0;
let bands: i32 = 0;
let bytesOfSample: i32 = 0;
let planes: usize = 0;
let planeStride: i32 = 0;
let mask: usize = 0;
let indices: usize = 0;
let slots: usize = 0;
let slotStride: i32 = 0;
let sample: usize = 0;
let filtered: usize = 0;
let file: usize = 0;

/**
 * Lays out the memory for a picture of 1 or 3 bands of 1 or 2 bytes a sample.
 *
 * @returns the bytes that the memory must have
 */
export function begin(width: i32, height: i32, bandCount: i32, sampleBytes: i32): usize {
  imageWidth = width;
  imageHeight = height;
  bands = bandCount;
  bytesOfSample = sampleBytes;
  const pixels = width * height;
  const widestRow = width * (bandCount + 1) * sampleBytes;
  planes = (__heap_base + 15) & ~15;
  planeStride = roundUp(pixels * sampleBytes + 16);
  mask = planes + bandCount * planeStride;
  indices = mask + roundUp(pixels + 16);
  slots = indices + roundUp(pixels + 32);
  slotStride = roundUp(AHEAD + widestRow + BEHIND);
  sample = slots + 2 * SAMPLED_ROWS * slotStride;
  filtered = sample + roundUp(SAMPLED_ROWS * (widestRow + 1) + 32);
  const rows = height * (widestRow + 1);
  file = filtered + roundUp(rows + 32);
  // Blocks of 40,000 bytes or more may be stored; writing runs eight bytes ahead.
  return file + roundUp(FILE_OVERHEAD + rows + 16 * (rows / 40_000 + 1) + 32);
}

function roundUp(bytes: i32): i32 {
  return (bytes + 15) & ~15;
}

/** Makes what is ahead of all rows zero; after the memory has grown, before rows are laid. */
export function clearSlots(): void {
  memory.fill(slots, 0, 2 * SAMPLED_ROWS * slotStride);
}

export function pictureWidth(): i32 {
  return imageWidth;
}

export function pictureHeight(): i32 {
  return imageHeight;
}

export function bandCount(): i32 {
  return bands;
}

export function sampleBytes(): i32 {
  return bytesOfSample;
}

/** Where the samples of a band go: row-major. */
export function planeAt(band: i32): usize {
  return planes + band * planeStride;
}

/** Where the mask goes: one byte a pixel. */
export function maskAt(): usize {
  return mask;
}

/** The index of each pixel: found by `countColours`, or given. */
export function indicesAt(): usize {
  return indices;
}

/** Where the colours of `countColours` are: `red << 24 | green << 16 | blue << 8 | alpha`. */
export function coloursAt(): usize {
  return COLOURS;
}

/** Where the caller says which entry of the file's palette each index becomes: 256 bytes. */
export function placesAt(): usize {
  return PLACES;
}

/** Where `findUsed` says which indices occur: 256 bytes of pixels that are seen, 256 of those under mask 0. */
export function usedAt(): usize {
  return USED;
}

/** A row before filtering; slots 0 … 17. */
export function slotAt(slot: i32): usize {
  return slots + slot * slotStride + AHEAD;
}

export function sampleAt(): usize {
  return sample;
}

export function filteredAt(): usize {
  return filtered;
}

/** Where the file begins. */
export function fileAt(): usize {
  return file;
}
