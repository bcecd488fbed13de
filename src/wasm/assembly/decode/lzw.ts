// TIFF's LZW (TIFF 6.0 section 13): codes of 9 to 12 bits, most significant bit first, growing one code early.
//
// Every string of the table is a stretch of what was written already: the string of one code and the first byte of the
// next. So the table holds positions and lengths in the output, and no string is built backwards.

const CLEAR: u32 = 256;
const END: u32 = 257;
const FIRST: u32 = 258;
const TABLE_SIZE: u32 = 4096;

/** Where the string of a code begins in the output, and how long it is: two numbers a code. */
const table: usize = memory.data(8 * 4096, 16);

/**
 * Decodes a stream until `room` bytes are written, it ends or an end code comes. Behind the input 8 bytes are read,
 * behind the room up to 16 are written.
 *
 * @returns bytes written, or -1 if a code is not in the table: somebody else is to say where
 */
export function lzw(from: usize, fromBytes: usize, to: usize, room: usize): i32 {
  const inEnd = from + fromBytes;
  const outEnd = to + room;
  let at = from;
  let out = to;
  let next: u32 = FIRST;
  let width: u32 = 9;
  // The unread bits lie at the top.
  let bits: u64 = 0;
  let held: u32 = 0;
  let before: usize = 0;
  let beforeLength: usize = 0;
  while (out < outEnd) {
    if (held < width) {
      // As many bytes as there is room for; what lies behind the end does not count.
      bits |= bswap(load<u64>(at)) >> (held as u64);
      const count = min<usize>((64 - held) >> 3, inEnd - at);
      at += count;
      held += (count << 3) as u32;
      if (held < 64) bits &= ~(u64.MAX_VALUE >> (held as u64));
      if (held < width) break;
    }
    const code = (bits >> (64 - width)) as u32;
    bits <<= width as u64;
    held -= width;
    if (code == END) break;
    if (code == CLEAR) {
      next = FIRST;
      width = 9;
      before = 0;
      continue;
    }
    const start = out;
    if (code < CLEAR) {
      store<u8>(out, code as u8);
      out++;
    } else {
      if (before == 0 || code > next) return -1;
      let source = before;
      let length = beforeLength + 1;
      if (code != next) {
        source = load<u32>(table + (code << 3)) as usize;
        length = load<u32>(table + (code << 3), 4) as usize;
      }
      const end = min(out + length, outEnd);
      if (out - source >= 16) {
        for (; out < end; out += 16, source += 16) v128.store(out, v128.load(source));
      } else {
        for (; out < end; out++, source++) store<u8>(out, load<u8>(source));
      }
      out = end;
    }
    if (before != 0 && next < TABLE_SIZE) {
      store<u32>(table + (next << 3), before as u32);
      store<u32>(table + (next << 3), (beforeLength + 1) as u32, 4);
      next++;
      if (next + 1 >= (1 << width) as u32 && width < 12) width++;
    }
    before = start;
    beforeLength = out - start;
  }
  return (out - to) as i32;
}
