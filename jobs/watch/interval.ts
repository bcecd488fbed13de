import { TilerError } from '../../src/errors.ts';

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A time that a timer can wait for. */
const MAX_MS = 24 * 24 * 3_600_000;

/** Reads a time such as `30s`, `10m`, `6h`, `1d`, in milliseconds. @throws TilerError `REQUEST_INVALID` */
export function parseInterval(name: string, text: string): number {
  const [, digits, unit] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS[unit as keyof typeof UNITS] ?? Number.NaN);
  if (ms > 0 && ms <= MAX_MS) return ms;
  throw new TilerError(
    'REQUEST_INVALID',
    `${name}: found '${text.slice(0, 40)}', expected a time of up to 24 days, as 30s, 10m, 6h, 1d`,
  );
}
