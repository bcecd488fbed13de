import { hash } from 'node:crypto';

/** The first hex digits, of 64, of the SHA-256 of bytes, or of a text in UTF-8. */
export function digestOf(content: Uint8Array | string, digits = 32): string {
  return hash('sha256', content, 'hex').slice(0, digits);
}

/**
 * JSON with the keys of every object sorted by code unit and no white space; undefined fields are left out. Numbers that
 * JSON lacks are told apart, as `["NaN"]`.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner === 'number' && !Number.isFinite(inner)) return [String(inner)];
    return typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner;
  });
}
