import * as z from 'zod';

const CountSchema = z.int().min(0);
const PathSchema = z.string().regex(/^(?!\/)(?!.*(?:^|\/)\.\.(?:\/|$))[^\\\p{Cc}]+$/u);

/** A `VersionsDocument`. In a module of its own, which processes that render load only if they read one. */
export const VersionsSchema = z.strictObject({
  v: z.literal(1),
  current: z.string(),
  versions: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[1-9][0-9]*-[0-9a-f]{8}$/),
        generation: z.int().min(1),
        requestHash: z.string().min(1),
        archive: PathSchema.nullable(),
        records: z.strictObject({
          path: PathSchema,
          bytes: CountSchema,
          indexOffset: CountSchema,
          indexLength: CountSchema,
          root: z.string().regex(/^[0-9a-f]{64}$/),
          metatiles: CountSchema,
        }),
        tiles: CountSchema,
        empty: CountSchema,
        bytes: CountSchema,
      }),
    )
    .min(1)
    .refine((versions) => new Set(versions.map(({ id }) => id)).size === versions.length),
});
