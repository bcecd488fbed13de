import type { Spill } from './spill.ts';

/** Small pieces of bytes that are kept together. */
const CHUNK_BYTES = 256 * 1024;

/** Pieces of bytes of at most 256 KiB that are appended and read again one by one: in memory, or in a temporary file. */
export class ByteList {
  private readonly spill: Spill;
  private readonly chunks: (Uint8Array<ArrayBuffer> | number)[] = [];
  private current: Uint8Array<ArrayBuffer>;
  private filled = 0;

  constructor(spill: Spill) {
    this.spill = spill;
    this.current = new Uint8Array(0);
  }

  /** Keeps a copy of a piece. @returns its place */
  append(bytes: Uint8Array): number {
    if (this.current.length === 0) this.current = new Uint8Array(CHUNK_BYTES);
    if (this.filled + bytes.length > CHUNK_BYTES) this.turn();
    const place = this.chunks.length * CHUNK_BYTES + this.filled;
    this.current.set(bytes, this.filled);
    this.filled += bytes.length;
    return place;
  }

  /** A piece by its place: a copy. */
  read(place: number, length: number): Uint8Array {
    const chunk = Math.floor(place / CHUNK_BYTES);
    const start = place - chunk * CHUNK_BYTES;
    const found = chunk === this.chunks.length ? this.current : this.chunks[chunk]!;
    if (typeof found !== 'number') return found.slice(start, start + length);
    const bytes = new Uint8Array(length);
    this.spill.read(found + start, bytes);
    return bytes;
  }

  private turn(): void {
    if (this.spill.reserve(CHUNK_BYTES)) {
      this.chunks.push(this.current);
      this.current = new Uint8Array(CHUNK_BYTES);
    } else {
      this.chunks.push(this.spill.append(this.current));
    }
    this.filled = 0;
  }
}
