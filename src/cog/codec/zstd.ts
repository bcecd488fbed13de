import zlib from 'node:zlib';
import type { ZSTDDecoder } from 'zstddec';

type NativeZstd = (bytes: Uint8Array, options: { chunkSize: number; maxOutputLength: number }) => Uint8Array;

/** Node has its own from 22.15 on, which is about twice as fast as the WASM one. */
const native = (zlib as { zstdDecompressSync?: NativeZstd }).zstdDecompressSync;

let loading: Promise<ZSTDDecoder> | null = null;

/**
 * Decompresses a Zstandard frame of at most about `decodedBytes`; gives less for a frame that holds less. Room is made for
 * no more than the frame can hold: the memory of a WASM decoder never shrinks again.
 */
export async function decompressZstd(bytes: Uint8Array, decodedBytes: number): Promise<Uint8Array> {
  const room = Math.min(decodedBytes, mostDecoded(bytes));
  // The decoder takes 0 for a size that it is to find for itself.
  if (room === 0) return new Uint8Array(0);
  if (native !== undefined) return native(bytes, { chunkSize: room + 64, maxOutputLength: decodedBytes * 2 + 64 });
  loading ??= loadDecoder();
  return (await loading).decode(bytes, room);
}

const MAGIC = 0xfd2f_b528;
/** RFC 8878 section 3.1.1.2.4. */
const MAX_BLOCK_BYTES = 128 * 1024;

/**
 * Bytes that the first frame can become at most, from the headers of its blocks (RFC 8878 section 3.1.1).
 *
 * @throws Error if it is no frame
 */
function mostDecoded(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 6 || view.getUint32(0, true) !== MAGIC) throw new Error('it is no Zstandard frame');
  const descriptor = bytes[4]!;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  let at = 5 + (isSingleSegment ? 0 : 1) + dictionaryBytes + contentSizeBytes;
  let most = 0;
  for (let isLast = false; !isLast && at + 3 <= bytes.length;) {
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    const kind = (header >>> 1) & 3;
    const size = header >>> 3;
    isLast = (header & 1) === 1;
    most += kind === 2 ? MAX_BLOCK_BYTES : size;
    at += 3 + (kind === 1 ? 1 : size);
  }
  return most;
}

async function loadDecoder(): Promise<ZSTDDecoder> {
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return decoder;
}
