import { createHash } from 'node:crypto';
import { createEncoder } from '../../src/render/encode/create-encoder.ts';
import { pictureOf } from './pictures.ts';

/** SHA-256 of a tile that is partly empty in every format, lossy and lossless. */
export async function encodedDigests(): Promise<Readonly<Record<string, string>>> {
  const picture = pictureOf('half-empty', 256, 256, 3, 5);
  const digests: Record<string, string> = {};
  for (const format of ['png', 'jpeg', 'webp', 'avif'] as const) {
    for (const lossless of format === 'webp' || format === 'avif' ? [false, true] : [false]) {
      const bytes = await createEncoder(format, { lossless }).encode(picture);
      digests[`${format} ${lossless}`] = createHash('sha256').update(bytes).digest('hex');
    }
  }
  return digests;
}
