import { instantiate } from '../../../wasm/instantiate.ts';
import { PNG_MODULE } from '../../../wasm/png-module.ts';

/** What the compiled module offers; numbers are addresses in its memory unless said. */
interface PngExports {
  /** Lays out the memory for a picture; gives the bytes that it needs. Everything before is lost. */
  begin(width: number, height: number, bandCount: number, sampleBytes: number): number;
  planeAt(band: number): number;
  maskAt(): number;
  indicesAt(): number;
  coloursAt(): number;
  placesAt(): number;
  usedAt(): number;
  fileAt(): number;
  /** 1 if every pixel of the mask is 255. */
  isOpaque(): number;
  /** Number of colours, and with it colours and indices; 0 if there are more than `limit`. */
  countColours(limit: number): number;
  findUsed(): void;
  hideMasked(index: number): void;
  selectDirect(hasAlpha: boolean): void;
  selectIndices(bits: number, count: number): void;
  /** Writes the selected rows as a zlib stream; gives where it ends. */
  compress(to: number): number;
}

/** What a kernel is given: bands of 8 or 16 bits, or indices, and a mask. */
interface Planes {
  readonly width: number;
  readonly height: number;
  readonly bands: readonly (Uint8Array | Uint16Array)[];
  readonly mask: Uint8Array;
  /** One byte a pixel, instead of bands. */
  readonly indices?: Uint8Array;
}

/** The compiled part of the PNG writer, with one picture in its memory. */
export interface PngKernel extends Omit<PngExports, 'begin'> {
  /** Copies a picture in, in the place of the one before. */
  load(planes: Planes): void;
  /** The bytes of the memory from an address on; valid until the next picture is loaded. */
  bytesAt(at: number, length: number): Uint8Array;
}

/** Makes a kernel. Its memory grows to some six times the samples of the largest picture, and never shrinks. */
export function createPngKernel(): PngKernel {
  const instance = instantiate<PngExports>(PNG_MODULE);
  const { exports, memory } = instance;
  return {
    ...exports,
    load({ width, height, bands, mask, indices }) {
      const sampleBytes = bands[0]?.BYTES_PER_ELEMENT ?? 1;
      instance.reserve(exports.begin(width, height, bands.length, sampleBytes));
      bands.forEach((band, b) => {
        const at = exports.planeAt(b);
        if (band instanceof Uint16Array) new Uint16Array(memory.buffer, at, band.length).set(band);
        else new Uint8Array(memory.buffer, at, band.length).set(band);
      });
      new Uint8Array(memory.buffer).set(mask, exports.maskAt());
      if (indices !== undefined) new Uint8Array(memory.buffer).set(indices, exports.indicesAt());
    },
    bytesAt: (at, length) => new Uint8Array(memory.buffer, at, length),
  };
}
