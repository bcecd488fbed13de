/** What a `Range` header comes to: some bytes, the whole, or nothing that there is. */
export type ByteRange =
  | { readonly kind: 'part'; readonly offset: number; readonly length: number }
  | { readonly kind: 'whole' }
  | { readonly kind: 'none' };

const WHOLE: ByteRange = { kind: 'whole' };

/**
 * Reads a `Range` header. Several ranges, other units than bytes and what is none at all ask for the whole, as RFC 9110 lets
 * a server do.
 *
 * @see RFC 9110, section 14
 */
export function parseByteRange(header: string | undefined, sizeBytes: number): ByteRange {
  const [match, first = '', last = ''] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? '') ?? [];
  if (match === undefined || (first === '' && last === '')) return WHOLE;
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? { kind: 'none' } : { kind: 'part', offset: sizeBytes - length, length };
  }
  const from = Number(first);
  const to = last === '' ? Infinity : Number(last);
  if (to < from) return WHOLE;
  if (from >= sizeBytes) return { kind: 'none' };
  return { kind: 'part', offset: from, length: Math.min(to, sizeBytes - 1) - from + 1 };
}
