// Kernels without a look at each of their pixels need all of them opaque.
import { isFull, maskAt, offsets, stride, width } from './state';

/** Takes from `offsets` what has a pixel that is not opaque among 2 × 2. */
export function requireOpaque2(): void {
  if (isFull) return;
  for (let i = 0; i < width; i++) {
    const offset = load<i32>(offsets + <usize>i * 4);
    if (offset < 0) continue;
    const at = maskAt + offset;
    if ((load<u16>(at) & load<u16>(at + stride)) != 0xffff) store<i32>(offsets + <usize>i * 4, -1);
  }
}

/** Takes from `offsets` what has a pixel that is not opaque among 4 × 4. */
export function requireOpaque4(): void {
  if (isFull) return;
  for (let i = 0; i < width; i++) {
    const offset = load<i32>(offsets + <usize>i * 4);
    if (offset < 0) continue;
    const at = maskAt + offset;
    const upper = load<u32>(at) & load<u32>(at + stride);
    const lower = load<u32>(at + stride * 2) & load<u32>(at + stride * 3);
    if ((upper & lower) != 0xffffffff) store<i32>(offsets + <usize>i * 4, -1);
  }
}
