import type { Spill } from './spill.ts';

type Numbers = Float64Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Numbers that are appended, in chunks: what grows is never copied, and full chunks may lie in a temporary file. */
export class NumberColumn<T extends Numbers> {
  private readonly make: new (length: number) => T;
  private readonly spill: Spill;
  /** Full ones: themselves, or where they are in the file. */
  private readonly chunks: (T | number)[] = [];
  private current: T;
  private filled = 0;
  /** The chunk of the file that was read last. */
  private loaded: { readonly chunk: number; readonly values: T } | null = null;

  /** @param make - the constructor of its arrays */
  constructor(make: new (length: number) => T, spill: Spill) {
    this.make = make;
    this.spill = spill;
    this.current = new make(spill.chunkLength);
  }

  get length(): number {
    return this.chunks.length * this.spill.chunkLength + this.filled;
  }

  push(value: number): void {
    if (this.filled === this.spill.chunkLength) this.turn();
    this.current[this.filled++] = value;
  }

  /** Adds to the number that was pushed last. */
  addToLast(value: number): void {
    this.current[this.filled - 1]! += value;
  }

  /** The number at an index, which must be there. */
  at(index: number): number {
    const { chunkLength } = this.spill;
    const chunk = Math.floor(index / chunkLength);
    return this.chunk(chunk)[index - chunk * chunkLength]!;
  }

  /** Copies the numbers from an index on into an array, as many as it has room for. */
  copyTo(target: Float64Array | Uint32Array, from: number): void {
    const { chunkLength } = this.spill;
    for (let done = 0; done < target.length;) {
      const chunk = Math.floor((from + done) / chunkLength);
      const start = from + done - chunk * chunkLength;
      const count = Math.min(target.length - done, chunkLength - start);
      target.set(this.chunk(chunk).subarray(start, start + count), done);
      done += count;
    }
  }

  private chunk(chunk: number): T {
    const found = chunk === this.chunks.length ? this.current : this.chunks[chunk]!;
    if (typeof found !== 'number') return found;
    if (this.loaded?.chunk === chunk) return this.loaded.values;
    const values = this.loaded?.values ?? new this.make(this.spill.chunkLength);
    // While it is being filled, it is no chunk.
    this.loaded = null;
    this.spill.read(found, values);
    this.loaded = { chunk, values };
    return values;
  }

  private turn(): void {
    if (this.spill.reserve(this.current.byteLength)) {
      this.chunks.push(this.current);
      this.current = new this.make(this.spill.chunkLength);
    } else {
      this.chunks.push(this.spill.append(this.current));
    }
    this.filled = 0;
  }
}
