import type { Dtype } from '../../raster/raster.ts';

/** What a codec knows of the block that it decodes. */
export interface EncodedBlock {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly rows: number;
  /** Interleaved samples of one pixel; 1 where bands are stored apart. */
  readonly samples: number;
  readonly dtype: Dtype;
  /** TIFF's PhotometricInterpretation. */
  readonly photometric: number;
  readonly jpegTables: Uint8Array | null;
  /** Bytes of the decoded rows. A codec gives at least these and allocates for not much more. */
  readonly decodedBytes: number;
}

/**
 * One TIFF compression. To add one: write a file beside this one and name it in the registry.
 *
 * `decode` gives the samples row by row, interleaved, with no padding but that of odd bit depths. It throws any Error
 * on damaged input; the caller adds which block of which file it was.
 * What it gives may lie in memory that the next block takes (`isInDecodeMemory`), if it gives it at once.
 */
export interface Codec {
  readonly name: string;
  /**
   * True if samples come in the file's byte order. LERC's do too, though its blobs know their type: libtiff swaps them
   * before it encodes and after it decodes.
   */
  readonly isByteStream: boolean;
  /** True if TIFF's Predictor tag applies. */
  readonly hasPredictor: boolean;
  /**
   * Most bytes that one encoded byte can become, so that a block that is far too short for its pixels is refused before
   * room is made for them; null if the stream says its size itself.
   */
  readonly maxExpansion: number | null;
  /** True if it decodes on a thread of its own, so that several blocks at a time take less time. */
  readonly isThreaded: boolean;
  /** Says why blocks like this cannot be read; null if they can. */
  refuse(block: Pick<EncodedBlock, 'samples' | 'dtype' | 'photometric'> & { readonly bits: number }): string | null;
  decode(block: EncodedBlock): Uint8Array | Promise<Uint8Array>;
  /**
   * A faster way for most blocks: the planes of the bands one behind the other. They lie in memory that the next block
   * takes; null for a block that `decode` is to be asked for.
   */
  decodePlanes?(block: EncodedBlock): Uint8Array | null;
}

/** The refusal of codecs that take every sample type. */
export function refuseNothing(): string | null {
  return null;
}
