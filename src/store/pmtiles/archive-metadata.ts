import * as z from 'zod';
import { TilerError } from '../../errors.ts';

/**
 * What the metadata of our archives say. PMTiles knows the first five; the tile size is not in the header, and MapLibre
 * and rio-pmtiles look for it here.
 *
 * @see PMTiles version 3 specification, section 5
 */
export interface ArchiveMetadata {
  readonly name: string;
  readonly description?: string;
  readonly attribution?: string;
  readonly type: 'baselayer' | 'overlay';
  readonly version?: string;
  /** Pixels along each side of a tile. */
  readonly tileSize: number;
  /** File ending of the tiles. */
  readonly format: string;
  /** Who made it, from what. */
  readonly provenance: Readonly<Record<string, unknown>>;
}

const AnyMetadataSchema = z.looseObject({
  name: z.string().optional(),
  description: z.string().optional(),
  attribution: z.string().optional(),
  tileSize: z.number().optional(),
});

/** Metadata of any archive, as far as they are read here. */
export type ReadMetadata = z.output<typeof AnyMetadataSchema>;

/** The text of metadata: the same object gives the same bytes. */
export function metadataToBytes(metadata: ArchiveMetadata): Uint8Array {
  const { name, description, attribution, type, version, tileSize, format, provenance } = metadata;
  const ordered = { name, description, attribution, type, version, tileSize, format, provenance };
  return new TextEncoder().encode(JSON.stringify(ordered));
}

/**
 * Reads the metadata of an archive.
 *
 * @throws TilerError `ARCHIVE_INVALID` for what is no JSON object, or has known keys of another type
 */
export function parseMetadata(bytes: Uint8Array, label: string): ReadMetadata {
  try {
    const parsed = AnyMetadataSchema.safeParse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new TilerError(
      'ARCHIVE_INVALID',
      `Reading the metadata of ${label}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    );
  } catch (error) {
    if (error instanceof TilerError) throw error;
    throw new TilerError('ARCHIVE_INVALID', `Reading the metadata of ${label}: found no JSON in UTF-8`, {
      cause: error,
    });
  }
}
