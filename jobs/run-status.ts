import { TilerError } from '../src/errors.ts';
import type { MetatileBits, ZoomStatus } from './runs.ts';

/** The metatiles of one zoom in a plan; with a polygon there are fewer of them than indices. */
export interface ZoomRange {
  readonly z: number;
  readonly firstIndex: number;
  readonly indexCount: number;
  readonly metatiles: number;
}

/** How many tiles of a run were settled at a time, in milliseconds since 1970. */
export interface RateSample {
  readonly atMs: number;
  readonly settledTiles: number;
}

/** How fast a run is and when it will be done; null = not known. */
export interface Pace {
  readonly tilesPerSecond: number | null;
  readonly etaSeconds: number | null;
}

/** A part of a bitmap: whole bytes `start` to `end - 1`, and the bits of a mask in single bytes at its ends. */
export interface BitSpan {
  readonly edges: readonly { readonly byte: number; readonly mask: number }[];
  readonly start: number;
  readonly end: number;
}

/** The pace is that of about the last minute: long enough to be steady, short enough to follow changes. */
const PACE_WINDOW_MS = 60_000;

/**
 * Reads a failure budget: a number of tiles, or a percentage of the run's tiles.
 *
 * @param text - `100`, `1%`, `0.5%`
 * @returns how many of `tiles` may fail; one more uses the budget up
 * @throws TilerError `REQUEST_INVALID`
 */
export function parseMaxFailures(text: string, tiles: number): number {
  const [, number, percent] = /^(\d{1,15}|\d{1,3}(?:\.\d{1,6})?(%))$/.exec(text) ?? [];
  const value = number === undefined ? Number.NaN : Number.parseFloat(number);
  if (percent === undefined && Number.isSafeInteger(value)) return value;
  if (percent !== undefined && value <= 100) return Math.floor((tiles * value) / 100);
  throw new TilerError(
    'REQUEST_INVALID',
    `Reading the failure budget: found '${text.slice(0, 40)}', expected a number of tiles or a percentage of them, as in 100 or 1%`,
  );
}

/** True if more tiles failed than the budget allows; without a budget any number may. */
export function isBudgetUsedUp(
  maxFailures: string | null,
  { failed, tiles }: { readonly failed: number; readonly tiles: number },
): boolean {
  return maxFailures !== null && failed > parseMaxFailures(maxFailures, tiles);
}

/** Why a run whose budget is used up ended, for people. */
export function budgetReason(maxFailures: string, { failed }: { readonly failed: number }): string {
  return `more tiles failed than --max-failures ${maxFailures} allows: ${failed}`;
}

/** How far each zoom of a run is, from whole bitmaps in memory, highest bit of a byte first. Ascending by zoom. */
export function zoomStatuses(
  zooms: readonly ZoomRange[],
  { done, failed }: Pick<MetatileBits, 'done' | 'failed'>,
): readonly ZoomStatus[] {
  return zoomStatusesOf(
    zooms,
    zooms.map(({ firstIndex, indexCount }) => ({
      done: countBits(done, firstIndex, indexCount),
      failed: countBits(failed, firstIndex, indexCount),
    })),
  );
}

/** The same from counts, one for each of `zooms`. */
export function zoomStatusesOf(
  zooms: readonly ZoomRange[],
  counts: readonly { readonly done: number; readonly failed: number }[],
): readonly ZoomStatus[] {
  return zooms
    .map(({ z, metatiles }, i) => ({ z, metatiles, done: counts[i]?.done ?? 0, failed: counts[i]?.failed ?? 0 }))
    .sort((a, b) => a.z - b.z);
}

/** Bits that are set among `count` from an index on, highest bit of a byte first; what lies beyond the bytes is not. */
export function countBits(bytes: Uint8Array, from: number, count: number): number {
  const { edges, start, end } = bitSpan(from, count);
  let sum = 0;
  for (const { byte, mask } of edges) sum += bitsOf((bytes[byte] ?? 0) & mask);
  const stop = Math.min(end, bytes.length);
  for (let i = start; i < stop; i++) sum += bitsOf(bytes[i]!);
  return sum;
}

/** Splits a range of bits into whole bytes and the edges that share a byte with other bits. */
export function bitSpan(from: number, count: number): BitSpan {
  if (count <= 0) return { edges: [], start: 0, end: 0 };
  // Not by shifts: these would make an index above 2^31 negative.
  const firstByte = Math.floor(from / 8);
  const lastByte = Math.floor((from + count - 1) / 8);
  const head = 0xff >> (from % 8);
  const tail = 0xff & (0xff << (7 - ((from + count - 1) % 8)));
  if (firstByte === lastByte) {
    const mask = head & tail;
    return mask === 0xff
      ? { edges: [], start: firstByte, end: firstByte + 1 }
      : { edges: [{ byte: firstByte, mask }], start: 0, end: 0 };
  }
  const edges: { byte: number; mask: number }[] = [];
  if (head !== 0xff) edges.push({ byte: firstByte, mask: head });
  if (tail !== 0xff) edges.push({ byte: lastByte, mask: tail });
  const start = head === 0xff ? firstByte : firstByte + 1;
  const end = tail === 0xff ? lastByte + 1 : lastByte;
  return start < end ? { edges, start, end } : { edges, start: 0, end: 0 };
}

/** Bits that are set in a byte. */
export function bitsOf(byte: number): number {
  let bits = byte - ((byte >> 1) & 0x55);
  bits = (bits & 0x33) + ((bits >> 2) & 0x33);
  return (bits + (bits >> 4)) & 0x0f;
}

/**
 * The pace of a run, from samples in the order of time, the last one of now. A run that was continued is as fast as it has
 * been since, since its samples begin anew.
 */
export function paceOf(samples: readonly RateSample[], tiles: number): Pace {
  const last = samples.at(-1);
  // The oldest within the window; with none in it but the last, nothing is known.
  const first = samples.find(({ atMs }) => last !== undefined && last.atMs - atMs <= PACE_WINDOW_MS);
  if (last === undefined || first === undefined || last.atMs <= first.atMs) {
    return { tilesPerSecond: null, etaSeconds: null };
  }
  // Tiles that are tried again are taken out of the count of those that had failed.
  const settled = Math.max(0, last.settledTiles - first.settledTiles);
  const tilesPerSecond = settled / ((last.atMs - first.atMs) / 1000);
  const left = Math.max(0, tiles - last.settledTiles);
  const etaSeconds = left === 0 ? 0 : tilesPerSecond > 0 ? left / tilesPerSecond : null;
  return { tilesPerSecond, etaSeconds };
}
