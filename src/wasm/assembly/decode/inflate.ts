// DEFLATE (RFC 1951) in a zlib stream (RFC 1950).

import {
  buildTable,
  DISTANCE_BITS,
  distanceTable,
  END_OF_BLOCK,
  lengths,
  LITERAL_BITS,
  LITERALS,
  literalTable,
  ORDER_BITS,
  orderTable,
  SPECIAL,
  SUBTABLE,
  TAKEN,
} from './code-tables';
import { makePatterns, repeat } from './repeat';
import { adler32 } from '../png/adler32';

/** In which order the lengths of the codes come that code lengths are written with. */
const order: usize = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/** Position in the input, bits taken out of it and how many of them are left, and position in the output. */
let at: usize = 0;
let bits: u64 = 0;
let held: u32 = 0;
let out: usize = 0;

@inline
function refill(): void {
  bits |= load<u64>(at) << (held as u64);
  at += (63 - held) >> 3;
  held |= 56;
}

@inline
function take(count: u32): u32 {
  const value = (bits as u32) & ((1 << count) - 1);
  bits >>= count as u64;
  held -= count;
  return value;
}

function fixedTables(): bool {
  memory.fill(lengths, 8, 144);
  memory.fill(lengths + 144, 9, 112);
  memory.fill(lengths + 256, 7, 24);
  memory.fill(lengths + 280, 8, 8);
  memory.fill(lengths + 288, 5, 32);
  return buildTable(0, lengths, 288, literalTable, LITERAL_BITS) && buildTable(1, lengths + 288, 32, distanceTable, DISTANCE_BITS);
}

function dynamicTables(inEnd: usize): bool {
  refill();
  const literals = take(5) + 257;
  const distances = take(5) + 1;
  const orders = take(4) + 4;
  if (literals > 286 || distances > 30) return false;
  memory.fill(lengths, 0, 19);
  for (let n: u32 = 0; n < orders; n++) {
    if (n == 12) refill();
    store<u8>(lengths + load<u8>(order + n), take(3) as u8);
  }
  if (!buildTable(2, lengths, 19, orderTable, ORDER_BITS)) return false;
  const total = literals + distances;
  for (let n: u32 = 0; n < total; ) {
    if (at > inEnd + 8) return false;
    refill();
    const entry = load<u32>(orderTable + (((bits as u32) & 127) << 2));
    if ((entry & SPECIAL) != 0) return false;
    take(entry & TAKEN);
    const symbol = entry >> 16;
    if (symbol < 16) {
      store<u8>(lengths + n, symbol as u8);
      n++;
      continue;
    }
    if (symbol == 16 && n == 0) return false;
    const value: u8 = symbol == 16 ? load<u8>(lengths + n - 1) : 0;
    const count: u32 = symbol == 16 ? 3 + take(2) : symbol == 17 ? 3 + take(3) : 11 + take(7);
    memory.fill(lengths + n, value, count);
    n += count;
    if (n > total) return false;
  }
  if (load<u8>(lengths + 256) == 0) return false;
  return buildTable(0, lengths, literals, literalTable, LITERAL_BITS) && buildTable(1, lengths + literals, distances, distanceTable, DISTANCE_BITS);
}

/** The symbols of one block up to its end; false if they are damaged, or go beyond either end. */
function inflateSymbols(inEnd: usize, outStart: usize, outEnd: usize): bool {
  const literalMask: u64 = (1 << LITERAL_BITS) - 1;
  const distanceMask: u64 = (1 << DISTANCE_BITS) - 1;
  // Variables of the module are memory; those of a function are registers.
  let next = at;
  let stream = bits;
  let left: u64 = held as u64;
  let to = out;
  let isEnded: bool = false;
  while (next <= inEnd + 8 && to <= outEnd) {
    stream |= load<u64>(next) << left;
    next += ((63 - left) >> 3) as usize;
    left |= 56;
    let entry = load<u32>(literalTable + ((stream & literalMask) << 2) as usize);
    if ((entry & LITERALS) != 0) {
      stream >>= (entry & TAKEN) as u64;
      left -= (entry & TAKEN) as u64;
      store<u32>(to, entry >> 8);
      to += ((entry >> 6) & 3) as usize;
      entry = load<u32>(literalTable + ((stream & literalMask) << 2) as usize);
      if ((entry & LITERALS) != 0) {
        stream >>= (entry & TAKEN) as u64;
        left -= (entry & TAKEN) as u64;
        store<u32>(to, entry >> 8);
        to += ((entry >> 6) & 3) as usize;
        entry = load<u32>(literalTable + ((stream & literalMask) << 2) as usize);
        if ((entry & LITERALS) != 0) {
          stream >>= (entry & TAKEN) as u64;
          left -= (entry & TAKEN) as u64;
          store<u32>(to, entry >> 8);
          to += ((entry >> 6) & 3) as usize;
          continue;
        }
      }
    }
    if ((entry & SPECIAL) != 0) {
      if ((entry & SUBTABLE) != 0) {
        stream >>= (entry & TAKEN) as u64;
        left -= (entry & TAKEN) as u64;
        const index = (entry >> 16) + ((stream as u32) & ((1 << ((entry >> 8) & 15)) - 1));
        entry = load<u32>(literalTable + (index << 2));
      }
      if ((entry & LITERALS) != 0) {
        stream >>= (entry & TAKEN) as u64;
        left -= (entry & TAKEN) as u64;
        store<u32>(to, entry >> 8);
        to += ((entry >> 6) & 3) as usize;
        continue;
      }
      if ((entry & SPECIAL) != 0) {
        stream >>= (entry & TAKEN) as u64;
        left -= (entry & TAKEN) as u64;
        isEnded = (entry & END_OF_BLOCK) != 0;
        break;
      }
    }
    // A length or distance: its base, and its extra bits, which lie behind its code.
    let all: u64 = (entry & TAKEN) as u64;
    const length = (entry >> 16) + ((stream & ((1 << all) - 1)) >> (((entry >> 8) & 15) as u64)) as u32;
    stream >>= all;
    left -= all;
    stream |= load<u64>(next) << left;
    next += ((63 - left) >> 3) as usize;
    left |= 56;
    entry = load<u32>(distanceTable + ((stream & distanceMask) << 2) as usize);
    if ((entry & SPECIAL) != 0) {
      if ((entry & SUBTABLE) == 0) break;
      stream >>= (entry & TAKEN) as u64;
      left -= (entry & TAKEN) as u64;
      const index = (entry >> 16) + ((stream as u32) & ((1 << ((entry >> 8) & 15)) - 1));
      entry = load<u32>(distanceTable + (index << 2));
      if ((entry & SPECIAL) != 0) break;
    }
    all = (entry & TAKEN) as u64;
    const distance = (entry >> 16) + ((stream & ((1 << all) - 1)) >> (((entry >> 8) & 15) as u64)) as u32;
    stream >>= all;
    left -= all;
    if ((distance as usize) > to - outStart) break;
    repeat(to, length as usize, distance as usize);
    to += length as usize;
  }
  at = next;
  bits = stream;
  held = left as u32;
  out = to;
  return isEnded;
}

function copyStored(inEnd: usize, outEnd: usize): bool {
  // Back to the byte behind the block's header.
  at -= (held >> 3) as usize;
  bits = 0;
  held = 0;
  if (at + 4 > inEnd) return false;
  const length = load<u16>(at) as usize;
  if ((load<u16>(at + 2) as usize) != (length ^ 0xffff)) return false;
  at += 4;
  if (at + length > inEnd || out + length > outEnd) return false;
  memory.copy(out, at, length);
  at += length;
  out += length;
  return true;
}

/**
 * Inflates a zlib stream. Behind the input 16 bytes are read, behind the room for the output 320 are written.
 *
 * @returns bytes written, or -1 if the stream is damaged, does not end or needs more room: whatever it is, somebody else
 * is to say
 */
export function inflate(from: usize, fromBytes: usize, to: usize, room: usize): i32 {
  makePatterns();
  const inEnd = from + fromBytes;
  const header = fromBytes < 6 ? 0 : ((load<u8>(from) as u32) << 8) | (load<u8>(from + 1) as u32);
  // Method 8, a window of up to 32 KiB, no dictionary; the header is a multiple of 31.
  if ((header & 0x0f20) != 0x0800 || header > 0x7fff || header % 31 != 0) return -1;
  at = from + 2;
  bits = 0;
  held = 0;
  out = to;
  const outEnd = to + room;
  for (let isLast: u32 = 0; isLast == 0; ) {
    if (at > inEnd + 8) return -1;
    refill();
    isLast = take(1);
    const kind = take(2);
    let isGood: bool = false;
    if (kind == 0) isGood = copyStored(inEnd, outEnd);
    else if (kind < 3 && (kind == 1 ? fixedTables() : dynamicTables(inEnd))) isGood = inflateSymbols(inEnd, to, outEnd);
    if (!isGood || out > outEnd) return -1;
  }
  at -= (held >> 3) as usize;
  if (at + 4 > inEnd) return -1;
  const length = out - to;
  return bswap(load<u32>(at)) == adler32(to, length as i32) ? (length as i32) : -1;
}
