import type * as xzModule from 'xz-decompress';
import { loadLater } from '../../load-later.ts';
import type { EncodedBlock } from './codec.ts';
import { plainXz, undoDelta } from './xz-stream.ts';

const loadXz = loadLater('xz-decompress') as () => typeof xzModule;

/** The decoder's own numbers (`xz_ret` of XZ Embedded). */
const REASONS: Readonly<Record<string, string>> = {
  '3': 'its dictionary does not fit into memory',
  '4': 'its dictionary is too large',
  '5': 'it is no XZ stream',
  '6': 'it has filters, or a check, that are not read',
  '7': 'it is damaged',
  '8': 'it ends too early',
};

/**
 * Decodes TIFF's LZMA: an .xz stream, mostly with a delta filter (libtiff). One at a time, as the decoder has memory for one.
 *
 * @returns `decodedBytes` bytes, or fewer if the stream holds fewer
 * @throws Error if it is no such stream, damaged, or has filters that are not read
 */
export async function decodeLzma({
  bytes,
  decodedBytes,
}: Pick<EncodedBlock, 'bytes' | 'decodedBytes'>): Promise<Uint8Array> {
  const { bytes: plain, deltas } = plainXz(bytes, decodedBytes);
  const decoded = await decompress(plain, decodedBytes);
  for (const distance of deltas) undoDelta(decoded, distance);
  return decoded;
}

async function decompress(bytes: Uint8Array, decodedBytes: number): Promise<Uint8Array> {
  const { XzReadableStream } = loadXz();
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
  const decoded = new Uint8Array(decodedBytes);
  let written = 0;
  try {
    // To its end, as the last bytes of a stream say whether it is whole; but no further than that is worth.
    for await (const chunk of new XzReadableStream(source)) {
      const wanted = chunk.subarray(0, decodedBytes - written);
      decoded.set(wanted, written);
      written += wanted.length;
      if (chunk.length > wanted.length) break;
    }
  } catch (error) {
    const code = /error code (\d+)/.exec(String(error))?.[1] ?? '';
    throw new Error(`the XZ stream cannot be read: ${REASONS[code] ?? String(error)}`, { cause: error });
  }
  return decoded.subarray(0, written);
}
