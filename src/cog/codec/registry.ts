import type { Codec } from './codec.ts';
import { refuseNothing } from './codec.ts';
import { inflate } from './deflate.ts';
import { decodeJpeg, refuseJpeg } from './jpeg.ts';
import { decodeLerc, refuseLerc } from './lerc.ts';
import { decodeLzw } from './lzw.ts';
import { decodePackBits } from './pack-bits.ts';
import { decodeWebp, refuseWebp } from './webp.ts';
import { decompressZstd } from './zstd.ts';

const DEFLATE: Codec = {
  name: 'DEFLATE',
  isByteStream: true,
  hasPredictor: true,
  refuse: refuseNothing,
  decode: (block) => inflate(block.bytes, block.decodedBytes),
};

/**
 * Decoders by the value of TIFF's Compression tag. A LERC directory says in another tag whether its blobs are compressed
 * again (LERC_DEFLATE, LERC_ZSTD); the blob's first bytes say it too, and they are what is looked at.
 */
const CODECS: ReadonlyMap<number, Codec> = new Map<number, Codec>([
  [1, { name: 'none', isByteStream: true, hasPredictor: false, refuse: refuseNothing, decode: (block) => block.bytes }],
  [
    5,
    {
      name: 'LZW',
      isByteStream: true,
      hasPredictor: true,
      refuse: refuseNothing,
      decode: (block) => decodeLzw(block.bytes, block.decodedBytes),
    },
  ],
  [7, { name: 'JPEG', isByteStream: false, hasPredictor: false, refuse: refuseJpeg, decode: decodeJpeg }],
  [8, DEFLATE],
  [32946, DEFLATE],
  [
    32773,
    {
      name: 'PackBits',
      isByteStream: true,
      hasPredictor: false,
      refuse: refuseNothing,
      decode: (block) => decodePackBits(block.bytes, block.decodedBytes),
    },
  ],
  [34887, { name: 'LERC', isByteStream: true, hasPredictor: false, refuse: refuseLerc, decode: decodeLerc }],
  [
    50000,
    {
      name: 'ZSTD',
      isByteStream: true,
      hasPredictor: true,
      refuse: refuseNothing,
      decode: (block) => decompressZstd(block.bytes, block.decodedBytes),
    },
  ],
  [50001, { name: 'WebP', isByteStream: false, hasPredictor: false, refuse: refuseWebp, decode: decodeWebp }],
]);

/** The decoder of a Compression tag; null if there is none. */
export function codecOf(compression: number): Codec | null {
  return CODECS.get(compression) ?? null;
}

const OTHER_NAMES: Readonly<Record<number, string>> = {
  2: 'CCITT RLE',
  3: 'CCITT fax 3',
  4: 'CCITT fax 4',
  6: 'old-style JPEG',
  34661: 'JBIG',
  34712: 'JPEG 2000',
  34925: 'LZMA',
  50002: 'JPEG XL',
  52546: 'JPEG XL (DNG)',
};

/** What a Compression tag is called, for messages. */
export function compressionName(compression: number): string {
  return CODECS.get(compression)?.name ?? OTHER_NAMES[compression] ?? `number ${compression}`;
}
