/** Where the bits go: whole bytes are in `bytes` up to `at`, the `bitCount` < 8 newest bits wait in `bits`. */
export interface BitSink {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at: number;
  bits: number;
  bitCount: number;
}

/** Appends up to 16 bits. */
export function writeBits(sink: BitSink, bits: number, bitCount: number): void {
  sink.bits |= bits << sink.bitCount;
  sink.bitCount += bitCount;
  sink.view.setInt32(sink.at, sink.bits, true);
  sink.at += sink.bitCount >> 3;
  sink.bits >>>= sink.bitCount & 24;
  sink.bitCount &= 7;
}
