import { HISTOGRAM } from './memory';

/** Adds bytes to the four tables of the histogram; a value's count is the sum of its counts there. */
export function countBytes(at: usize, length: i32): void {
  const end = at + length;
  for (; at + 8 <= end; at += 8) {
    const eight = load<u64>(at);
    const low = <u32>eight;
    const high = <u32>(eight >> 32);
    increment(0, low & 255);
    increment(1, (low >> 8) & 255);
    increment(2, (low >> 16) & 255);
    increment(3, low >> 24);
    increment(0, high & 255);
    increment(1, (high >> 8) & 255);
    increment(2, (high >> 16) & 255);
    increment(3, high >> 24);
  }
  for (; at < end; at++) increment(0, load<u8>(at));
}

@inline
function increment(table: i32, value: u32): void {
  const counter = HISTOGRAM + 1024 * table + (value << 2);
  store<u32>(counter, load<u32>(counter) + 1);
}
