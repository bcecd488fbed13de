// Kernels without a look at each of their pixels need all of them opaque.
import { isFull, maskAt, offsets, stride, width } from './state';

/** Takes from `offsets` what has a pixel that is not opaque among `size` × `size`: 2 or 4. */
@inline
export function requireOpaque(size: i32): void {
  if (isFull) return;
  for (let i = 0; i < width; i++) {
    const offset = load<i32>(offsets + <usize>i * 4);
    if (offset < 0) continue;
    const at = maskAt + offset;
    const isOpaque = size == 2 ? bits<u16>(at) == 0xffff : (bits<u32>(at) & bits<u32>(at + stride * 2)) == 0xffffffff;
    if (!isOpaque) store<i32>(offsets + <usize>i * 4, -1);
  }
}

/** What two rows of a mask have in common. */
@inline
function bits<T>(at: usize): T {
  return (load<T>(at) & load<T>(at + stride)) as T;
}
