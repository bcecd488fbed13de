import * as z from 'zod';
import { crossProblems } from './request-checks.ts';
import type { CheckedFields } from './request-checks.ts';
import { problemsOfZod, requestError } from './request-problem.ts';
import type { Problem } from './request-problem.ts';
import { StacMosaicSchema, TilesetRequestSchema } from './request-schema.ts';
import type { TilesetRequest } from './request-schema.ts';

export type { TilesetRequest, TilesetRequestInput } from './request-schema.ts';

/** Fields of the objects of a request by their path, to guess what an unknown one was meant to be. */
const KNOWN_FIELDS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(TilesetRequestSchema.shape),
  mosaic: Object.keys(StacMosaicSchema.shape),
  area: ['bbox', 'geometry', 'file'],
  'area.geometry': ['type', 'coordinates'],
};

/** Everything that is wrong with a request, without throwing; `request` is null if anything is. */
export function checkTilesetRequest(input: unknown): {
  readonly request: TilesetRequest | null;
  readonly problems: readonly Problem[];
} {
  const parsed = TilesetRequestSchema.safeParse(input);
  const ofFields = parsed.success ? [] : problemsOfZod(parsed.error, input, (path) => KNOWN_FIELDS[path] ?? []);
  const problems = [...ofFields, ...crossProblems(parsed.success ? parsed.data : rightFields(input))];
  return { request: parsed.success && problems.length === 0 ? parsed.data : null, problems };
}

/** The fields that are right by themselves, so that what is wrong between them is told in the same breath. */
function rightFields(input: unknown): CheckedFields {
  const object: object = typeof input === 'object' && input !== null ? input : {};
  const entries = Object.entries(TilesetRequestSchema.shape).flatMap(([name, schema]) => {
    const parsed = schema.safeParse(
      Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined,
    );
    return parsed.success ? [[name, parsed.data] as const] : [];
  });
  return Object.fromEntries(entries) as CheckedFields;
}

/**
 * Reads a tileset request out of parsed JSON and fills in the defaults.
 *
 * @param label - what is read, for the message
 * @throws TilerError `REQUEST_INVALID` that lists all problems, a line each: field, value found, what was expected
 */
export function parseTilesetRequest(input: unknown, label = 'the tileset request'): TilesetRequest {
  const { request, problems } = checkTilesetRequest(input);
  if (request === null) {
    throw requestError(label, problems);
  }
  return request;
}

/** The JSON Schema (draft 2020-12) of what a user writes; fields with a default may be left out. */
export function tilesetRequestJsonSchema(): object {
  return z.toJSONSchema(TilesetRequestSchema, { io: 'input', target: 'draft-2020-12' });
}
