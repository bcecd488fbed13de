import { isTilerError } from '../errors.ts';
import type { NamedCrs } from './crs.ts';
import { parseCrs } from './parse-crs.ts';

/** A CRS that is stated somewhere, or why what is stated is not read, which matters only where it is needed. */
export type StatedCrs = NamedCrs | { readonly kind: 'unreadable'; readonly problem: string };

/** Reads a stated CRS; what is not read becomes a value, as a document that nobody relies on may say anything. */
export function statedCrs(value: unknown): StatedCrs {
  try {
    return parseCrs(value);
  } catch (error) {
    if (!isTilerError(error)) throw error;
    return { kind: 'unreadable', problem: error.message };
  }
}
