import { TilerError, isTilerError } from '../src/errors.ts';
import type { ErrorCode } from '../src/errors.ts';
import { growingBackoffMs } from '../src/retry.ts';
import type { TileFailure } from '../src/render/tile-renderer.ts';
import type { Tile } from '../src/tms/tile.ts';

/** The longest back-off. A wait that the other side asked for may be longer. */
const MAX_BACKOFF_MS = 60_000;

/** No answer may stop a metatile for longer than this, whatever its `Retry-After` says. */
const MAX_RETRY_AFTER_MS = 900_000;

/** Why something failed, in a form that crosses process borders. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs: number | null;
}

/** What to do after a failed execution: try again after a wait, or count it as failed. */
export type RetryDecision = { readonly kind: 'again'; readonly afterMs: number } | { readonly kind: 'failed' };

export interface RetrySettings {
  /** Executions allowed, the first one counted. */
  readonly attempts: number;
  /** Wait before the second execution; doubles with each further one, with jitter. */
  readonly backoffMs: number;
}

/** The code and message of anything thrown. What is no `TilerError` is a fault in the program: `INTERNAL`. */
export function failureOf(error: unknown): Failure {
  if (isTilerError(error)) return { code: error.code, message: error.message, retryAfterMs: error.retryAfterMs };
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { code: 'INTERNAL', message, retryAfterMs: null };
}

/** The same failure for every tile of a metatile, for one that could not be rendered at all. */
export function failTiles(tiles: readonly Tile[], failure: Failure): readonly TileFailure[] {
  return tiles.map((tile) => ({ tile, ...failure }));
}

/**
 * Decides about a metatile with these failures after its `attempt`-th execution (1 = first). It is executed again while
 * one of its failures may pass; the wait is the longest that any of them asks for.
 *
 * @param random - in [0, 1); spreads the waits so that many metatiles do not come back at once. Changes no pixel.
 */
export function decideRetry(
  failures: readonly Failure[],
  attempt: number,
  settings: RetrySettings,
  random: () => number = Math.random,
): RetryDecision {
  if (attempt >= settings.attempts) return { kind: 'failed' };
  let afterMs: number | null = null;
  for (const { code, retryAfterMs } of failures) {
    const { retry } = new TilerError(code, '', retryAfterMs === null ? {} : { context: {}, retryAfterMs });
    if (retry === 'never') continue;
    const waitMs =
      retry === 'backoff' ? backoffMs(attempt, settings, random) : Math.min(retry.afterMs, MAX_RETRY_AFTER_MS);
    afterMs = Math.max(afterMs ?? 0, waitMs);
  }
  return afterMs === null ? { kind: 'failed' } : { kind: 'again', afterMs };
}

/** Exponential with jitter: between half of `backoffMs · 2^(attempt - 1)` and the whole, at most a minute. */
export function backoffMs(attempt: number, settings: RetrySettings, random: () => number = Math.random): number {
  return growingBackoffMs(attempt, { baseMs: settings.backoffMs, maxMs: MAX_BACKOFF_MS }, random);
}
