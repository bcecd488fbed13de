// Where the bits go: whole bytes are in memory up to `at`, the fewer than 8 newest bits wait in `bits`.

let at: usize = 0;
let bits: u64 = 0;
let count: i32 = 0;

/** The next bits go to `to`. */
export function beginBits(to: usize): void {
  at = to;
  bits = 0;
  count = 0;
}

/** Appends up to 32 bits; eight bytes from where they go are written over. */
export function putBits(value: u32, length: i32): void {
  bits |= (<u64>value) << count;
  count += length;
  store<u64>(at, bits);
  at += count >> 3;
  bits >>= count & 56;
  count &= 7;
}

/** Fills the last byte; gives where the next one goes. */
export function closeByte(): usize {
  putBits(0, -count & 7);
  return at;
}

export function bitsAt(): usize {
  return at;
}

export function waitingBits(): u64 {
  return bits;
}

export function waitingCount(): i32 {
  return count;
}

/** Goes on from where a loop that kept the state in variables of its own has come to. */
export function resumeBits(to: usize, waiting: u64, waitingCount: i32): void {
  at = to;
  bits = waiting;
  count = waitingCount;
}
