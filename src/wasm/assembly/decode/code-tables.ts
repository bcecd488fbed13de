// Tables of DEFLATE's codes (RFC 1951 section 3.2.2).
//
// Canonical Huffman codes are read through tables: the next bits of the stream are an index, and the entry there says
// what the code in its lowest bits means. Codes longer than the index lead to a second table behind the first. Two or
// three short literals take one look: reading them one by one, each waits for the one before, and that is the time that
// imagery takes.
//
// An entry, from its lowest bit: 6 bits with the bits that it takes from the stream (a length's or distance's extra bits
// included), 2 bits with the number of literals. Up to three literals follow; or where there are none, 4 bits with the
// bits of the code alone, the flags, and the value in the upper half.

export const TAKEN: u32 = 0x3f;
export const LITERALS: u32 = 0xc0;
const ONE_LITERAL: u32 = 0x40;
/** Anything but a literal, a length or a distance. */
export const SPECIAL: u32 = 0x1000;
export const SUBTABLE: u32 = 0x2000;
export const END_OF_BLOCK: u32 = 0x4000;
/** No code: neither of the two above. */
const INVALID: u32 = SPECIAL;

export const LITERAL_BITS: u32 = 12;
export const DISTANCE_BITS: u32 = 9;
export const ORDER_BITS: u32 = 7;

/** Entries of the first table and of the longest second tables that 288 codes of up to 15 bits can need. */
export const literalTable: usize = memory.data(4 * (4096 + 1024), 16);
export const distanceTable: usize = memory.data(4 * (512 + 512), 16);
export const orderTable: usize = memory.data(4 * 128, 16);
/** Code lengths of 288 literals and lengths and of 32 distances, with room for a run beyond. */
export const lengths: usize = memory.data(480, 16);
const counts: usize = memory.data(4 * 16, 16);
const starts: usize = memory.data(4 * 17, 16);
const sorted: usize = memory.data(2 * 320, 16);

const lengthBases: usize = memory.data<u16>([3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]);
const lengthExtras: usize = memory.data<u8>([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0]);
const distanceBases: usize = memory.data<u16>([1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]);

function literalEntry(symbol: u32, length: u32): u32 {
  if (symbol < 256) return (symbol << 8) | ONE_LITERAL | length;
  if (symbol == 256) return SPECIAL | END_OF_BLOCK | (length << 8) | length;
  if (symbol > 285) return INVALID;
  const base = load<u16>(lengthBases + ((symbol - 257) << 1)) as u32;
  return (base << 16) | (length << 8) | (length + load<u8>(lengthExtras + symbol - 257));
}

function distanceEntry(symbol: u32, length: u32): u32 {
  if (symbol > 29) return INVALID;
  const extra: u32 = symbol < 4 ? 0 : (symbol >> 1) - 1;
  return ((load<u16>(distanceBases + (symbol << 1)) as u32) << 16) | (length << 8) | (length + extra);
}

@inline
function entryOf(kind: u32, symbol: u32, length: u32): u32 {
  if (kind == 0) return literalEntry(symbol, length);
  return kind == 1 ? distanceEntry(symbol, length) : (symbol << 16) | (length << 8) | length;
}

/** Sorts the symbols by the length of their codes; gives the longest length, or -1 if the codes are no prefix code. */
function sortSymbols(lens: usize, symbols: u32): i32 {
  memory.fill(counts, 0, 64);
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const slot = counts + ((load<u8>(lens + symbol) as usize) << 2);
    store<u32>(slot, load<u32>(slot) + 1);
  }
  let longest = 15;
  while (longest > 0 && load<u32>(counts + (longest << 2)) == 0) longest--;
  let room: i32 = 1;
  let sum: u32 = 0;
  for (let length = 1; length <= longest; length++) {
    const count = load<u32>(counts + (length << 2));
    store<u32>(starts + (length << 2), sum);
    sum += count;
    room = (room << 1) - (count as i32);
    if (room < 0) return -1;
  }
  for (let symbol: u32 = 0; symbol < symbols; symbol++) {
    const length = load<u8>(lens + symbol) as usize;
    if (length == 0) continue;
    const slot = starts + (length << 2);
    const position = load<u32>(slot);
    store<u16>(sorted + (position << 1), symbol as u16);
    store<u32>(slot, position + 1);
  }
  // Incomplete codes are right only if there is one code of one bit, or none.
  return room == 0 || longest == 0 || (longest == 1 && sum == 1) ? longest : -1;
}

/** Fills a table; false if the lengths make no code. Codes lie in the stream from their highest bit on: reversed. */
export function buildTable(kind: u32, lens: usize, symbols: u32, table: usize, indexBits: u32): bool {
  const longest = sortSymbols(lens, symbols);
  if (longest < 0) return false;
  if (longest < 2) {
    for (let n: u32 = 0; n < 1 << indexBits; n++) store<u32>(table + (n << 2), INVALID);
    if (longest == 0) return true;
  }
  let code: u32 = 0;
  let next: usize = sorted;
  let length: u32 = 1;
  let left = load<u32>(counts + 4);
  let filled: u32 = 2;
  const short = min<u32>(longest as u32, indexBits);
  for (; length <= short; ) {
    for (; left > 0; left--) {
      store<u32>(table + (code << 2), entryOf(kind, load<u16>(next) as u32, length));
      next += 2;
      code = after(code, length);
    }
    if (length == short) break;
    // One bit more: what is known so far holds whichever value the bit has.
    memory.copy(table + (filled << 2), table, filled << 2);
    filled <<= 1;
    length++;
    left = load<u32>(counts + (length << 2));
  }
  for (; filled < 1 << indexBits; filled <<= 1) memory.copy(table + (filled << 2), table, filled << 2);
  if (longest as u32 > indexBits) fillSubtables(kind, table, indexBits, longest as u32, code, next);
  if (kind == 0) joinLiterals(table, indexBits);
  return true;
}

/** Puts up to three literals into one entry, where the index holds all of their codes. */
function joinLiterals(table: usize, indexBits: u32): void {
  for (let index: i32 = (1 << indexBits) - 1; index >= 0; index--) {
    const slot = table + ((index as u32) << 2);
    let entry = load<u32>(slot);
    if ((entry & LITERALS) == 0) continue;
    let taken = entry & TAKEN;
    // Entries of lower indices still are of one literal.
    const second = load<u32>(table + (((index as u32) >> taken) << 2));
    if ((second & LITERALS) == 0 || taken + (second & TAKEN) > indexBits) continue;
    entry = (entry + (second & 0x7f)) | ((second & 0xff00) << 8);
    taken = entry & TAKEN;
    const third = load<u32>(table + (((index as u32) >> taken) << 2));
    if ((third & LITERALS) != 0 && taken + (third & TAKEN) <= indexBits) entry = (entry + (third & 0x7f)) | ((third & 0xff00) << 16);
    store<u32>(slot, entry);
  }
}

/** The code that follows one of the same length, both reversed; 0 after the last. */
@inline
function after(code: u32, length: u32): u32 {
  const free = code ^ ((1 << length) - 1);
  if (free == 0) return 0;
  const bit: u32 = (1 << 31) >>> clz(free);
  return (code & (bit - 1)) | bit;
}

function fillSubtables(kind: u32, table: usize, indexBits: u32, longest: u32, first: u32, from: usize): void {
  let next = from;
  let code = first;
  let end: u32 = 1 << indexBits;
  let start: u32 = 0;
  let prefix: u32 = u32.MAX_VALUE;
  let subtableBits: u32 = 0;
  const mask: u32 = (1 << indexBits) - 1;
  for (let length = indexBits + 1; length <= longest; length++) {
    for (let left = load<u32>(counts + (length << 2)); left > 0; left--) {
      if ((code & mask) != prefix) {
        prefix = code & mask;
        start = end;
        // As long as the codes that are left fill it.
        subtableBits = length - indexBits;
        let room: i32 = (1 << subtableBits) - (left as i32);
        while (room > 0 && subtableBits + indexBits < longest) {
          subtableBits++;
          room = (room << 1) - (load<u32>(counts + ((subtableBits + indexBits) << 2)) as i32);
        }
        end = start + (1 << subtableBits);
        store<u32>(table + (prefix << 2), SPECIAL | SUBTABLE | (start << 16) | (subtableBits << 8) | indexBits);
      }
      const entry = entryOf(kind, load<u16>(next) as u32, length - indexBits);
      next += 2;
      const stride: u32 = 1 << (length - indexBits);
      for (let n = start + (code >> indexBits); n < end; n += stride) store<u32>(table + (n << 2), entry);
      code = after(code, length);
    }
  }
}
