import * as z from 'zod';
import { ERROR_CODES } from '../../src/errors.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';

const CountSchema = z.int().min(0);

const FailureSchema = z.object({
  tile: z.object({ z: CountSchema, x: CountSchema, y: CountSchema }),
  code: z.enum(ERROR_CODES as readonly [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  retryAfterMs: z.number().nullable(),
  /** Earlier versions did not know it. */
  asset: z.string().nullable().exactOptional(),
});

/** A failed tile as it is kept in Redis; null if the text is none, which someone else must have put there. */
export function failureFromText(text: string): TileFailure | null {
  try {
    return FailureSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
