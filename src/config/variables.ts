import * as z from 'zod';

/** What is said of a variable. */
export interface VariableNote {
  readonly description: string;
  readonly expects: string;
  /** As a user would write it; empty = unset. */
  readonly fallback: string;
}

/** Of every variable's schema. */
export const NOTES = z.registry<VariableNote>();

/** A whole number. */
export function whole(fallback: number, min: number, max: number, description: string) {
  const inRange = (value: number): boolean => value >= min && value <= max;
  const expects = `a whole number from ${min} to ${max}`;
  const schema = z.string().regex(/^\d+$/).transform(Number).refine(inRange).default(fallback);
  return schema.register(NOTES, { description, expects, fallback: String(fallback) });
}

/** One of some words. */
export function choice<const T extends readonly [string, ...string[]]>(
  options: T,
  fallback: T[number],
  description: string,
) {
  const schema = z.enum(options).default(() => fallback);
  return schema.register(NOTES, { description, expects: `one of ${options.join(', ')}`, fallback });
}

/** A text, or unset. */
export function text(pattern: RegExp, expects: string, description: string) {
  const schema = z
    .string()
    .regex(pattern)
    .nullable()
    .default(() => null);
  return schema.register(NOTES, { description, expects, fallback: '' });
}

/** A token or a key: it is never shown. */
export const secret = (description: string) =>
  text(/^[\x21-\x7e]{16,}$/, 'at least 16 printable characters', description);

/** A text. */
export function required(fallback: string, pattern: RegExp, expects: string, description: string) {
  const schema = z.string().regex(pattern).default(fallback);
  return schema.register(NOTES, { description, expects, fallback });
}

/** `0` or `1`. */
export function flag(description: string) {
  const schema = z
    .enum(['0', '1', 'false', 'true'])
    .transform((value) => value === '1' || value === 'true')
    .default(false);
  return schema.register(NOTES, { description, expects: '0 or 1', fallback: '0' });
}
