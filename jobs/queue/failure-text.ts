import * as z from 'zod';
import { ERROR_CODES } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';

const MAX_MESSAGE_LENGTH = 500;

const CountSchema = z.int().min(0);

const FailureSchema = z.object({
  tile: z.object({ z: CountSchema, x: CountSchema, y: CountSchema }),
  code: z.enum(ERROR_CODES as readonly [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  retryAfterMs: z.number().nullable(),
  /** Earlier versions did not know it. */
  asset: z.string().nullable().exactOptional(),
});

/** A failed tile for Redis, with as much of its message as is kept. */
export function textFromFailure(failure: TileFailure): string {
  return JSON.stringify({ ...failure, message: failure.message.slice(0, MAX_MESSAGE_LENGTH) });
}

/** A failed tile as it is kept in Redis; null if the text is none, which someone else must have put there. */
export function failureFromText(text: string): TileFailure | null {
  try {
    return FailureSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
