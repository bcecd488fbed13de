// Decoders of blocks, and what takes their samples apart. The caller lays the memory out: see src/cog/codec/decode-memory.ts.

export { inflate } from './decode/inflate';
export { jpeg, jpegFrame } from './decode/jpeg';
export { lzw } from './decode/lzw';
export { takeApart } from './decode/planes';

/** Where the caller's part of the memory begins. */
export function firstFree(): usize {
  return (__heap_base + 15) & ~15;
}
