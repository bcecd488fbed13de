import { TilerError } from '../../errors.ts';
import type { ArchiveDescription } from '../pmtiles/archive-writer.ts';

/** What the metadata of an MBTiles file say, as far as they are there and can be read. */
export interface MbtilesMetadata {
  readonly name: string | null;
  /** `png`, `jpg`, `webp`, `avif`, `pbf`, or what else is written there. */
  readonly format: string | null;
  /** Degrees. */
  readonly bbox: readonly [number, number, number, number] | null;
  /** Degrees, and a zoom. */
  readonly center: readonly [number, number, number] | null;
  readonly minzoom: number | null;
  readonly maxzoom: number | null;
  readonly attribution: string | null;
  readonly description: string | null;
  readonly type: string | null;
  readonly version: string | null;
  /** Pixels along each side of a tile; of files that say it, such as ours. */
  readonly tileSize: number | null;
}

/** Rows of the table `metadata`, by their names. */
export type MetadataRows = ReadonlyMap<string, string>;

const MAX_ZOOM = 30;

/**
 * The rows of the metadata of a tileset, in the order in which they are written: those of the specification, the tile size,
 * and the provenance as JSON.
 *
 * @see MBTiles specification 1.3, "Metadata"
 */
export function metadataToRows(
  { bbox, metadata }: Pick<ArchiveDescription, 'bbox' | 'metadata'>,
  { minzoom, maxzoom }: { readonly minzoom: number; readonly maxzoom: number },
): MetadataRows {
  const { name, format, description, attribution, type, version, tileSize, provenance } = metadata;
  const [west, south, east, north] = bbox;
  const crosses = west > east;
  const middle = crosses ? (west + east + 360) / 2 : (west + east) / 2;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['name', name],
    // Others than these are named by their media type.
    ['format', ['png', 'jpg', 'webp'].includes(format) ? format : `image/${format}`],
    ['bounds', (crosses ? [-180, south, 180, north] : bbox).join(',')],
    ['center', [middle > 180 ? middle - 360 : middle, (south + north) / 2, minzoom].join(',')],
    ['minzoom', String(minzoom)],
    ['maxzoom', String(maxzoom)],
    ['attribution', attribution],
    ['description', description],
    ['type', type],
    ['version', version],
    ['tileSize', String(tileSize)],
    ['provenance', JSON.stringify(provenance)],
  ];
  return new Map(rows.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

/**
 * Reads the metadata of any file. What is not there is null: many files lack what the specification asks for.
 *
 * @throws TilerError `ARCHIVE_INVALID` for numbers that are none, or lie outside the world
 */
export function parseMetadataRows(rows: MetadataRows, label: string): MbtilesMetadata {
  const text = (key: string): string | null => rows.get(key) ?? null;
  const numbers = (key: string, count: number): readonly number[] | null => {
    const value = rows.get(key)?.trim();
    if (value === undefined || value === '') return null;
    const found = value.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
    if (found.length === count && found.every(Number.isFinite)) return found;
    throw invalid(label, key, value, count === 1 ? 'a number' : `${count} numbers with commas between them`);
  };
  const zoom = (key: string): number | null => {
    const [value = null] = numbers(key, 1) ?? [];
    if (value === null || (Number.isInteger(value) && value >= 0 && value <= MAX_ZOOM)) return value;
    throw invalid(label, key, String(value), `a zoom from 0 to ${MAX_ZOOM}`);
  };
  const [west = 0, south = 0, east = 0, north = 0] = numbers('bounds', 4) ?? [];
  if (Math.abs(west) > 360 || Math.abs(east) > 360 || Math.abs(south) > 90 || Math.abs(north) > 90 || south > north) {
    throw invalid(label, 'bounds', `${west},${south},${east},${north}`, 'west, south, east and north in degrees');
  }
  const [longitude, latitude, centreZoom] = numbers('center', 3) ?? [];
  const [tileSize = null] = numbers('tileSize', 1) ?? [];
  return {
    name: text('name'),
    format:
      text('format')
        ?.replace(/^image\//, '')
        .replace(/^jpeg$/, 'jpg') ?? null,
    bbox: rows.get('bounds') === undefined ? null : [west, south, east, north],
    center: longitude === undefined ? null : [longitude, latitude ?? 0, centreZoom ?? 0],
    minzoom: zoom('minzoom'),
    maxzoom: zoom('maxzoom'),
    attribution: text('attribution'),
    description: text('description'),
    type: text('type'),
    version: text('version'),
    tileSize,
  };
}

function invalid(label: string, key: string, found: string, expected: string): TilerError {
  return new TilerError(
    'ARCHIVE_INVALID',
    `Reading the metadata of ${label}: ${key} is "${found.slice(0, 100)}", expected ${expected}`,
  );
}
