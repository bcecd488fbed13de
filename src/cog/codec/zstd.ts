import zlib from 'node:zlib';
import { ZSTDDecoder } from 'zstddec';

type NativeZstd = (bytes: Uint8Array, options: { chunkSize: number; maxOutputLength: number }) => Uint8Array;

/** Node has its own from 22.15 on, which is about twice as fast as the WASM one. */
const native = (zlib as { zstdDecompressSync?: NativeZstd }).zstdDecompressSync;

let loading: Promise<ZSTDDecoder> | null = null;

/** Decompresses a Zstandard frame of at most about `decodedBytes`; gives less for a frame that holds less. */
export async function decompressZstd(bytes: Uint8Array, decodedBytes: number): Promise<Uint8Array> {
  if (native !== undefined)
    return native(bytes, { chunkSize: decodedBytes + 64, maxOutputLength: decodedBytes * 2 + 64 });
  loading ??= loadDecoder();
  return (await loading).decode(bytes, decodedBytes);
}

async function loadDecoder(): Promise<ZSTDDecoder> {
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return decoder;
}
