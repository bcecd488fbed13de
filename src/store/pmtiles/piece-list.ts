import type { Spill } from './spill.ts';

/** Pieces of bytes of any length that are appended and then read in their order, from memory or a temporary file. */
export class PieceList {
  /** Length of all of them. */
  bytes = 0;
  /** True if some are in a temporary file. */
  isSpilled = false;
  private readonly pieces: (Uint8Array | { readonly offset: number; readonly length: number })[] = [];
  private readonly spill: Spill;

  constructor(spill: Spill) {
    this.spill = spill;
  }

  /** The bytes must not change any more. */
  push(piece: Uint8Array): void {
    this.bytes += piece.length;
    if (this.spill.reserve(piece.length)) {
      this.pieces.push(piece);
    } else {
      this.pieces.push({ offset: this.spill.append(piece), length: piece.length });
      this.isSpilled = true;
    }
  }

  *[Symbol.iterator](): Generator<Uint8Array, void, undefined> {
    for (const piece of this.pieces) {
      if (piece instanceof Uint8Array) {
        yield piece;
      } else {
        const bytes = new Uint8Array(piece.length);
        this.spill.read(piece.offset, bytes);
        yield bytes;
      }
    }
  }
}
