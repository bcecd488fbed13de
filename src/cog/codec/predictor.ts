/**
 * Undoes the horizontal difference (TIFF 6.0 section 14) in place: every sample is the sum of all before it in its row
 * and band, modulo its bits. Loops are specialised, since the general one takes several times as long as inflating.
 *
 * @param samples - whole rows, interleaved, in the machine's byte order, as unsigned integers of the sample's size
 * @param rowSamples - samples in one row
 * @param step - interleaved bands
 */
export function undoDifference(
  samples: Uint8Array | Uint16Array | Uint32Array | BigUint64Array,
  rowSamples: number,
  step: number,
): void {
  if (samples instanceof BigUint64Array) {
    for (let row = 0; row + rowSamples <= samples.length; row += rowSamples) {
      for (let i = row + step; i < row + rowSamples; i += 1) samples[i]! += samples[i - step]!;
    }
    return;
  }
  for (let row = 0; row + rowSamples <= samples.length; row += rowSamples) {
    if (step === 1) undoRowOfOne(samples, row, row + rowSamples);
    else if (step === 3) undoRowOfThree(samples, row, row + rowSamples);
    else for (let i = row + step; i < row + rowSamples; i += 1) samples[i]! += samples[i - step]!;
  }
}

type Unsigned = Uint8Array | Uint16Array | Uint32Array;

function undoRowOfOne(samples: Unsigned, from: number, to: number): void {
  let sum = 0;
  for (let i = from; i < to; i += 1) {
    // The array cuts off what is above its bits; the sum is cut to 32, so that it stays an integer.
    sum = (sum + samples[i]!) | 0;
    samples[i] = sum;
  }
}

function undoRowOfThree(samples: Unsigned, from: number, to: number): void {
  let first = 0;
  let second = 0;
  let third = 0;
  for (let i = from; i + 2 < to; i += 3) {
    first = (first + samples[i]!) | 0;
    second = (second + samples[i + 1]!) | 0;
    third = (third + samples[i + 2]!) | 0;
    samples[i] = first;
    samples[i + 1] = second;
    samples[i + 2] = third;
  }
}

/**
 * Undoes the floating point predictor (Adobe TIFF Technical Note 3): the bytes of a row are differences, sorted by
 * significance, highest first, in files of either byte order. Gives little-endian samples.
 *
 * @param rowSamples - samples in one row
 * @param step - interleaved bands
 * @param size - bytes of one sample, 4 or 8
 */
export function undoFloatPredictor(bytes: Uint8Array, rowSamples: number, step: number, size: number): Uint8Array {
  const rowBytes = rowSamples * size;
  const out = new Uint8Array(bytes.length);
  const sums = new Uint8Array(rowBytes);
  for (let row = 0; row + rowBytes <= bytes.length; row += rowBytes) {
    for (let i = 0; i < rowBytes; i += 1) sums[i] = bytes[row + i]! + (i < step ? 0 : sums[i - step]!);
    for (let plane = 0; plane < size; plane += 1) {
      const from = plane * rowSamples;
      let to = row + size - 1 - plane;
      for (let i = 0; i < rowSamples; i += 1, to += size) out[to] = sums[from + i]!;
    }
  }
  return out;
}
