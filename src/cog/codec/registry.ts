import type { Codec, EncodedBlock } from './codec.ts';
import { refuseNothing } from './codec.ts';
import { decodeInMemory } from './decode-memory.ts';
import { inflate, inflateInThread } from './deflate.ts';
import { decodeJpeg, refuseJpeg } from './jpeg.ts';
import { decodeJpegInMemory } from './jpeg-in-memory.ts';
import { decodeLerc, refuseLerc } from './lerc.ts';
import { decodeLzma } from './lzma.ts';
import { decodeLzw } from './lzw.ts';
import { decodePackBits } from './pack-bits.ts';
import { decodeWebp, refuseWebp } from './webp.ts';
import { decompressZstd } from './zstd.ts';

/** A general compression of bytes, here; it takes every sample type. */
function streamCodec(name: string, options: Pick<Codec, 'hasPredictor' | 'maxExpansion' | 'decode'>): Codec {
  return { name, isByteStream: true, isThreaded: false, refuse: refuseNothing, ...options };
}

/** A format of images, decoded by sharp. */
function imageCodec(name: string, options: Pick<Codec, 'refuse' | 'decode' | 'decodePlanes'>): Codec {
  return { name, isByteStream: false, hasPredictor: false, isThreaded: true, maxExpansion: null, ...options };
}

/** How many times smaller a block mostly is that is nearly nothing but runs, such as a map of classes. */
const RUN_EXPANSION = 16;

/** Inflating so much takes some 20 ms, for which nothing else in the process should wait. */
const LONG_BYTES = 8 * 1024 * 1024;

/**
 * Inflates in WebAssembly, which takes two thirds of zlib's time for imagery. Runs take both the same time, and what zlib
 * gives need not be copied where there is nothing to take apart. The largest blocks are left to another thread.
 */
function decodeDeflate({ bytes, decodedBytes, samples }: EncodedBlock): Uint8Array | Promise<Uint8Array> {
  if (decodedBytes > LONG_BYTES) return inflateInThread(bytes, decodedBytes);
  const isRuns = samples === 1 && bytes.length * RUN_EXPANSION < decodedBytes;
  const inMemory = isRuns ? null : decodeInMemory('inflate', bytes, decodedBytes);
  return inMemory ?? inflate(bytes, decodedBytes);
}

/** A match of 258 bytes takes two bits at least. */
const DEFLATE = streamCodec('DEFLATE', {
  hasPredictor: true,
  maxExpansion: 1032,
  decode: decodeDeflate,
});

/**
 * Decoders by the value of TIFF's Compression tag. A LERC directory says in another tag whether its blobs are compressed
 * again (LERC_DEFLATE, LERC_ZSTD); the blob's first bytes say it too, and they are what is looked at.
 */
const CODECS: ReadonlyMap<number, Codec> = new Map<number, Codec>([
  [1, streamCodec('none', { hasPredictor: false, maxExpansion: 1, decode: ({ bytes }) => bytes })],
  [
    5,
    streamCodec('LZW', {
      hasPredictor: true,
      // The longest string of the table, 3838 bytes, in a code of 12 bits.
      maxExpansion: 2560,
      decode: ({ bytes, decodedBytes }) => decodeInMemory('lzw', bytes, decodedBytes) ?? decodeLzw(bytes, decodedBytes),
    }),
  ],
  [7, imageCodec('JPEG', { refuse: refuseJpeg, decode: decodeJpeg, decodePlanes: decodeJpegInMemory })],
  [8, DEFLATE],
  [32946, DEFLATE],
  [
    32773,
    streamCodec('PackBits', {
      hasPredictor: false,
      maxExpansion: 64,
      decode: ({ bytes, decodedBytes }) => decodePackBits(bytes, decodedBytes),
    }),
  ],
  [
    34887,
    {
      ...streamCodec('LERC', { hasPredictor: false, maxExpansion: null, decode: decodeLerc }),
      refuse: refuseLerc,
    },
  ],
  [
    34925,
    streamCodec('LZMA', {
      hasPredictor: true,
      // A match of 273 bytes takes at least 14 decisions of 0.022 bits each.
      maxExpansion: 8192,
      decode: decodeLzma,
    }),
  ],
  [
    50000,
    streamCodec('ZSTD', {
      hasPredictor: true,
      // A block of one repeated byte: 128 KiB in four bytes.
      maxExpansion: 32_768,
      decode: ({ bytes, decodedBytes }) => decompressZstd(bytes, decodedBytes),
    }),
  ],
  [50001, imageCodec('WebP', { refuse: refuseWebp, decode: decodeWebp })],
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
  50002: 'JPEG XL',
  52546: 'JPEG XL (DNG)',
};

/** What a Compression tag is called, for messages. */
export function compressionName(compression: number): string {
  return CODECS.get(compression)?.name ?? OTHER_NAMES[compression] ?? `number ${compression}`;
}
