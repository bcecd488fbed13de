/** Bytes appended one after the other, in an array that doubles as it fills. */
export class VarintWriter {
  private buffer: Uint8Array;
  private used = 0;

  /** @param capacity - bytes expected; more are taken as they come */
  constructor(capacity = 1024) {
    this.buffer = new Uint8Array(Math.max(16, capacity));
  }

  /**
   * Appends a whole number from 0 to 2^53 - 1: seven bits to a byte, the lowest first, the top bit set in all but the
   * last byte.
   */
  write(value: number): void {
    if (this.used + 8 > this.buffer.length) this.grow();
    let rest = value;
    // Bit operations work on 32 bits.
    while (rest >= 0x80000000) {
      this.buffer[this.used++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 0x80) {
      this.buffer[this.used++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.buffer[this.used++] = rest;
  }

  clear(): void {
    this.used = 0;
  }

  /** What was written so far: a view that later writing may leave behind. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.used);
  }

  private grow(): void {
    const larger = new Uint8Array(this.buffer.length * 2);
    larger.set(this.buffer);
    this.buffer = larger;
  }
}

/** Reads varints one after the other. A read beyond the end, and one above 2^53 - 1, gives NaN, and so do all after it. */
export class VarintReader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Bytes that are left. */
  get left(): number {
    return Math.max(0, this.bytes.length - this.at);
  }

  read(): number {
    const { bytes } = this;
    let value = 0;
    let unit = 1;
    for (let n = 0; n < 8; n++) {
      const byte = bytes[this.at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * unit;
      if (byte < 0x80) return value > Number.MAX_SAFE_INTEGER ? this.fail() : value;
      unit *= 128;
    }
    return this.fail();
  }

  private fail(): number {
    this.at = this.bytes.length + 1;
    return Number.NaN;
  }
}
