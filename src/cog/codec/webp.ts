import type { Codec, EncodedBlock } from './codec.ts';
import { loadSharp } from './load-sharp.ts';

export const refuseWebp: Codec['refuse'] = ({ dtype, bits, samples }) => {
  if (dtype !== 'uint8' || bits !== 8) return `WebP of ${dtype} with ${bits} bits is not read`;
  return samples === 3 || samples === 4 ? null : `WebP with ${samples} interleaved bands is not read`;
};

/** Decodes a WebP block to RGB or RGBA; an opaque block of a file with alpha is stored without, and gets 255. */
export async function decodeWebp(block: EncodedBlock): Promise<Uint8Array> {
  const sharp = await loadSharp();
  const image = sharp(block.bytes, {
    limitInputPixels: block.width * block.rows * 2,
    failOn: 'warning',
    ignoreIcc: true,
  });
  const { data, info } = await (block.samples === 4 ? image.ensureAlpha() : image.removeAlpha())
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.width !== block.width || info.height < block.rows || info.channels !== block.samples) {
    throw new Error(`the WebP is ${info.width} x ${info.height} pixels of ${info.channels} bands`);
  }
  return data;
}
