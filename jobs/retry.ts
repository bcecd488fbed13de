import { TilerError, assetOf, isTilerError } from '../src/errors.ts';
import type { ErrorCode } from '../src/errors.ts';
import { MAX_CLOSED_MS } from '../src/host-gate.ts';
import { growingBackoffMs } from '../src/retry.ts';
import type { TileFailure } from '../src/render/tile-renderer.ts';
import type { Tile } from '../src/tms/tile.ts';

/** The longest back-off. A wait that the other side asked for may be longer. */
const MAX_BACKOFF_MS = 60_000;

/**
 * Waits for a host that asks for less which use up no attempt: with the longest of them, five hours. Each further one is an
 * attempt, so that a host which never lets anything pass is given up in the end.
 */
export const MAX_FREE_WAITS = 20;

/** Why something failed, in a form that crosses process borders. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs: number | null;
  /** What `assetOf` makes of the error; null or absent = it is about none. */
  readonly asset?: string | null;
}

/**
 * What to do after a failed execution: try again after a back-off, which uses up an attempt; wait for a host that asks for
 * less, which does not; or count it as failed.
 */
export type RetryDecision = { readonly kind: 'again' | 'wait'; readonly afterMs: number } | { readonly kind: 'failed' };

/** What a metatile has been through. */
export interface Tries {
  /** Executions that count, the present one among them; 1 = the first. */
  readonly attempt: number;
  /** Executions before that ended with a wait. */
  readonly waits: number;
}

export interface RetrySettings {
  /** Executions allowed, the first one counted. */
  readonly attempts: number;
  /** Wait before the second execution; doubles with each further one, with jitter. */
  readonly backoffMs: number;
}

/** The code and message of anything thrown. What is no `TilerError` is a fault in the program: `INTERNAL`. */
export function failureOf(error: unknown): Failure {
  if (isTilerError(error)) {
    const { code, message, retryAfterMs, context } = error;
    return { code, message, retryAfterMs, asset: assetOf(context) };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: 'INTERNAL', message, retryAfterMs: null, asset: null };
}

/** The same failure for every tile of a metatile, for one that could not be rendered at all. */
export function failTiles(tiles: readonly Tile[], failure: Failure): readonly TileFailure[] {
  return tiles.map((tile) => ({ tile, ...failure }));
}

/**
 * Decides about a metatile with these failures. It is executed again while one of them may pass; the wait is the longest
 * that any of them asks for. If all of those say that a host takes no more for now, by `Retry-After` or without, nothing
 * was wrong with the metatile, and its execution is not counted.
 *
 * @param random - in [0, 1); spreads the waits so that many metatiles do not come back at once. Changes no pixel.
 */
export function decideRetry(
  failures: readonly Failure[],
  { attempt, waits }: Tries,
  settings: RetrySettings,
  random: () => number = Math.random,
): RetryDecision {
  let afterMs: number | null = null;
  let isFree = waits < MAX_FREE_WAITS;
  for (const { code, retryAfterMs } of failures) {
    const { retry } = new TilerError(code, '', retryAfterMs === null ? {} : { context: {}, retryAfterMs });
    if (retry === 'never') continue;
    const isThrottled = retryAfterMs !== null || code.endsWith('_THROTTLED');
    isFree &&= isThrottled;
    const tries = isThrottled ? attempt + waits : attempt;
    const waitMs = retry === 'backoff' ? backoffMs(tries, settings, random) : Math.min(retry.afterMs, MAX_CLOSED_MS);
    afterMs = Math.max(afterMs ?? 0, waitMs);
  }
  if (afterMs === null) return { kind: 'failed' };
  if (isFree) return { kind: 'wait', afterMs };
  return attempt < settings.attempts ? { kind: 'again', afterMs } : { kind: 'failed' };
}

/** Exponential with jitter: between half of `backoffMs · 2^(attempt - 1)` and the whole, at most a minute. */
export function backoffMs(attempt: number, settings: RetrySettings, random: () => number = Math.random): number {
  return growingBackoffMs(attempt, { baseMs: settings.backoffMs, maxMs: MAX_BACKOFF_MS }, random);
}
