import { NumberColumn } from './number-column.ts';
import type { Spill } from './spill.ts';

/** Numbers of 32 bits in a digest. */
const WORDS = 4;

/** Small contents of segments: 24 bytes each, for where it lies and the digest by which it is known. */
export class SmallContents {
  private readonly digests: NumberColumn<Uint32Array<ArrayBuffer>>;
  private readonly offsets: NumberColumn<Float64Array<ArrayBuffer>>;

  constructor(spill: Spill) {
    this.digests = new NumberColumn(Uint32Array, spill);
    this.offsets = new NumberColumn(Float64Array, spill);
  }

  get count(): number {
    return this.offsets.length;
  }

  /**
   * @param digest - 32 hex digits
   * @param offset - in its segment
   * @returns the place of the content here
   */
  add(digest: string, offset: number): number {
    const words = Buffer.from(digest, 'hex');
    for (let word = 0; word < WORDS; word++) this.digests.push(words.readUInt32BE(word * 4));
    this.offsets.push(offset);
    return this.count - 1;
  }

  digestAt(place: number): string {
    const words = Buffer.alloc(WORDS * 4);
    for (let word = 0; word < WORDS; word++) words.writeUInt32BE(this.digests.at(place * WORDS + word), word * 4);
    return words.toString('hex');
  }

  offsetAt(place: number): number {
    return this.offsets.at(place);
  }
}
