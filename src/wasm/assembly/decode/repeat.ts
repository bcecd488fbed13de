// Repetitions of what was written before, 16 bytes at a time.

/** Where the bytes of a pattern that is shorter than 16 come from: those of the distance n at 16 * n. */
const patterns: usize = memory.data(256, 16);
/** The most bytes of whole repetitions that 16 bytes hold, by distance. */
const steps: usize = memory.data<u8>([0, 16, 16, 15, 16, 15, 12, 14, 16, 9, 10, 11, 12, 13, 14, 15]);
let hasPatterns: bool = false;

/** To be called before the first repetition. */
export function makePatterns(): void {
  if (hasPatterns) return;
  for (let distance: usize = 1; distance < 16; distance++) {
    for (let n: usize = 0; n < 16; n++) store<u8>(patterns + (distance << 4) + n, (n % distance) as u8);
  }
  hasPatterns = true;
}

/** Repeats what lies `distance` bytes back; writes up to 31 bytes more than asked for. */
@inline
export function repeat(start: usize, length: usize, distance: usize): void {
  const end = start + length;
  let to = start;
  let from = start - distance;
  if (distance >= 16) {
    do {
      v128.store(to, v128.load(from));
      from += 16;
      to += 16;
    } while (to < end);
  } else {
    const pattern = i8x16.swizzle(v128.load(from), v128.load(patterns + (distance << 4)));
    // The most whole repetitions that 16 bytes hold.
    const step = load<u8>(steps + distance) as usize;
    do {
      v128.store(to, pattern);
      to += step;
    } while (to < end);
  }
}
