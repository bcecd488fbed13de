import { HALVE_MODULE } from '../wasm/halve-module.ts';
import { instantiate } from '../wasm/instantiate.ts';
import type { WasmInstance } from '../wasm/instantiate.ts';

interface HalveExports {
  firstFree(): number;
  averageBytes(source: number, target: number, width: number, height: number): void;
  averageMasked(source: number, mask: number, target: number, width: number, height: number): void;
  nearestMasked(source: number, mask: number, target: number, targetMask: number, width: number, height: number): void;
  fadeMask(mask: number, target: number, width: number, height: number): void;
}

let instance: WasmInstance<HalveExports> | null = null;

/** Bytes of an image, and room for half of it. */
interface Halves {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/**
 * Means of each 2 × 2 bytes, rounded half up, weighed by a mask if one is given. The mask is halved too: its mean, at least
 * 1 where it is anything.
 *
 * @param width - of the images to halve, even
 */
export function averageBytes(bands: readonly Halves[], mask: Halves | null, width: number): void {
  instance ??= instantiate<HalveExports>(HALVE_MODULE);
  const { exports, memory } = instance;
  const length = mask?.from.length ?? bands[0]?.from.length ?? 0;
  const height = length / width;
  const atMask = exports.firstFree();
  const source = atMask + length;
  const half = source + length;
  instance.reserve(half + length / 4);
  const bytes = new Uint8Array(memory.buffer);
  if (mask !== null) {
    bytes.set(mask.from, atMask);
    exports.fadeMask(atMask, half, width, height);
    mask.to.set(bytes.subarray(half, half + mask.to.length));
  }
  for (const { from, to } of bands) {
    bytes.set(from, source);
    if (mask === null) exports.averageBytes(source, half, width, height);
    else exports.averageMasked(source, atMask, half, width, height);
    to.set(bytes.subarray(half, half + to.length));
  }
}

/**
 * Of each 2 × 2 bytes the lower right one or else the first valid one, and the highest of their masks.
 *
 * @param width - of the images to halve, even
 */
export function nearestBytes(bands: readonly Halves[], mask: Halves, width: number): void {
  instance ??= instantiate<HalveExports>(HALVE_MODULE);
  const { exports, memory } = instance;
  const { length } = mask.from;
  const atMask = exports.firstFree();
  const source = atMask + length;
  const half = source + length;
  const halfMask = half + length / 4;
  instance.reserve(halfMask + length / 4);
  const bytes = new Uint8Array(memory.buffer);
  bytes.set(mask.from, atMask);
  for (const { from, to } of bands) {
    bytes.set(from, source);
    exports.nearestMasked(source, atMask, half, halfMask, width, length / width);
    to.set(bytes.subarray(half, halfMask));
  }
  mask.to.set(bytes.subarray(halfMask, halfMask + mask.to.length));
}
