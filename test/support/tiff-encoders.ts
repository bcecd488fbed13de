/** TIFF's LZW: most significant bit first, codes grow one code early, a Clear code at the start and when the table is full. */
export function encodeLzw(bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  let buffer = 0;
  let held = 0;
  let width = 9;
  const emit = (code: number): void => {
    buffer = (buffer << width) | code;
    held += width;
    while (held >= 8) {
      held -= 8;
      out.push((buffer >>> held) & 0xff);
    }
    buffer &= (1 << held) - 1;
  };
  let table = new Map<number, number>();
  let next = 258;
  emit(256);
  let prefix = -1;
  for (const byte of bytes) {
    if (prefix < 0) {
      prefix = byte;
      continue;
    }
    const key = prefix * 256 + byte;
    const known = table.get(key);
    if (known !== undefined) {
      prefix = known;
      continue;
    }
    emit(prefix);
    table.set(key, next);
    next += 1;
    if (next >= 4094) {
      emit(256);
      table = new Map();
      next = 258;
      width = 9;
    } else if (next === 512 || next === 1024 || next === 2048) {
      width += 1;
    }
    prefix = byte;
  }
  if (prefix >= 0) {
    emit(prefix);
    next += 1;
    if (next === 512 || next === 1024 || next === 2048) width += 1;
  }
  emit(257);
  if (held > 0) out.push((buffer << (8 - held)) & 0xff);
  return Uint8Array.from(out);
}

/** PackBits: runs of 2 to 128 equal bytes, literals of 1 to 128 bytes, with a no-op byte in front. */
export function encodePackBits(bytes: Uint8Array): Uint8Array {
  const out: number[] = [0x80];
  let i = 0;
  while (i < bytes.length) {
    let run = 1;
    while (run < 128 && i + run < bytes.length && bytes[i + run] === bytes[i]) run += 1;
    if (run > 1) {
      out.push(257 - run, bytes[i]!);
      i += run;
      continue;
    }
    let literal = 1;
    while (literal < 128 && i + literal < bytes.length && bytes[i + literal] !== bytes[i + literal - 1]) literal += 1;
    out.push(literal - 1, ...bytes.subarray(i, i + literal));
    i += literal;
  }
  return Uint8Array.from(out);
}
