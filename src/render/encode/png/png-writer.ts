import { crc32 } from 'node:zlib';
import type { Picture } from '../check-picture.ts';
import { adler32 } from './adler32.ts';
import { chooseFilter, createSampleRoom } from './choose-filter.ts';
import { filterRow } from './filter.ts';
import { findRepeats } from './find-repeats.ts';
import { directLayout, isOpaque, paletteLayout } from './layout.ts';
import type { Layout } from './layout.ts';
import { findMatches } from './find-matches.ts';
import { createSequences } from './sequences.ts';
import { deflateBound, writeDeflate } from './write-deflate.ts';
import type { BitSink } from './bit-sink.ts';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Signature, header, palette with alpha, and the frames of the chunks. */
const MAX_OVERHEAD = 8 + 25 + (12 + 768) + (12 + 256) + (12 + 6) + 12;

/** Writes PNG files; keeps its buffers for the next picture of the size. */
export class PngWriter {
  private readonly sample = createSampleRoom();
  private filtered = new Uint8Array(0);
  private filteredView = new DataView(this.filtered.buffer);
  private sequences = createSequences(0);
  private file = new Uint8Array(0);
  private fileView = new DataView(this.file.buffer);

  /**
   * Writes a picture: with a palette where it has few colours, with alpha where a
   * pixel is not opaque.
   */
  write(raster: Picture): Uint8Array {
    const opaque = isOpaque(raster.mask);
    const indexed = paletteLayout(raster, opaque);
    if (indexed === null) return this.writeLayout(directLayout(raster, opaque));
    const file = this.writeLayout(indexed);
    // A ramp of many colours may take fewer bytes without its palette.
    if (6 * indexed.palette!.colours.length <= file.length) return file;
    const direct = this.writeLayout(directLayout(raster, opaque));
    return direct.length < file.length ? direct : file;
  }

  private writeLayout(layout: Layout): Uint8Array {
    const { height, planes, planeWidth } = layout;
    const pixelBytes = planes.length;
    const rowBytes = planeWidth * pixelBytes + 1;
    const length = rowBytes * height;
    this.reserve(length);
    const { filtered: bytes, filteredView: view, sequences } = this;
    const choice = layout.bitDepth < 8 ? null : chooseFilter(layout, this.sample);
    const filter = choice?.filter ?? 0;
    for (let row = 0; row < height; row++) {
      bytes[row * rowBytes] = filter;
      for (let p = 0; p < pixelBytes; p++) {
        filterRow(filter, planes[p]!, planeWidth, row, bytes, row * rowBytes + 1 + p, pixelBytes);
      }
    }
    if (choice === null || (filter === 0 && layout.palette !== null))
      findRepeats(bytes, view, length, rowBytes, sequences);
    else findMatches({ bytes, view, length, pixelBytes, rowBytes, ...choice }, sequences);
    const { file, fileView } = this;
    let at = this.writeHead(layout);
    const from = this.openChunk(at, 'IDAT');
    // Deflate with a window of 32 KiB, made fast (RFC 1950, 2.2).
    fileView.setUint16(from, 0x7801);
    const sink: BitSink = { bytes: file, view: fileView, at: from + 2, bits: 0, bitCount: 0 };
    writeDeflate(sink, bytes, length, sequences);
    fileView.setUint32(sink.at, adler32(bytes, length));
    at = this.closeChunk(from, sink.at + 4);
    at = this.closeChunk(this.openChunk(at, 'IEND'), at + 8);
    return file.slice(0, at);
  }

  private reserve(length: number): void {
    if (this.filtered.length >= length) return;
    this.filtered = new Uint8Array(length);
    this.filteredView = new DataView(this.filtered.buffer);
    this.sequences = createSequences(length);
    this.file = new Uint8Array(MAX_OVERHEAD + deflateBound(length));
    this.fileView = new DataView(this.file.buffer);
  }

  private writeHead({ width, height, bitDepth, colourType, palette }: Layout): number {
    const { file, fileView } = this;
    file.set(SIGNATURE);
    const header = this.openChunk(SIGNATURE.length, 'IHDR');
    fileView.setUint32(header, width);
    fileView.setUint32(header + 4, height);
    file.set([bitDepth, colourType, 0, 0, 0], header + 8);
    let at = this.closeChunk(header, header + 13);
    if (palette === null) return at;
    const { colours } = palette;
    const entries = this.openChunk(at, 'PLTE');
    colours.forEach((colour, n) => file.set([colour >>> 24, colour >>> 16, colour >>> 8], entries + 3 * n));
    at = this.closeChunk(entries, entries + 3 * colours.length);
    const seeThrough = colours.filter((colour) => (colour & 255) !== 255);
    if (seeThrough.length === 0) return at;
    const alphas = this.openChunk(at, 'tRNS');
    seeThrough.forEach((colour, n) => (file[alphas + n] = colour & 255));
    return this.closeChunk(alphas, alphas + seeThrough.length);
  }

  /** Gives where the data of the chunk begin. */
  private openChunk(at: number, type: string): number {
    for (let i = 0; i < 4; i++) this.file[at + 4 + i] = type.charCodeAt(i);
    return at + 8;
  }

  /** Fills in length and checksum of the chunk whose data are `from … end`; gives where the next begins. */
  private closeChunk(from: number, end: number): number {
    this.fileView.setUint32(from - 8, end - from);
    this.fileView.setUint32(end, crc32(this.file.subarray(from - 4, end)));
    return end + 4;
  }
}
