import { tilesetDocuments } from '../../src/store/documents/tileset-documents.ts';
import type { TilesetDocumentsInput } from '../../src/store/documents/tileset-description.ts';
import type { TilesetVersion } from '../../src/store/versions.ts';

export const ROOT = 'a1b2c3d4'.repeat(8);

/** A version as an archive or, without one, tiles in place have it. */
function versionOf(archive: string | null, generation = 3): TilesetVersion {
  const id = `${generation}-${ROOT.slice(0, 8)}`;
  const folder = archive === null ? '.tilewright/versions' : archive.replace(/\/[^/]*$/, '');
  return {
    id,
    generation,
    requestHash: 'ab'.repeat(32),
    archive,
    records: {
      path: `${folder}/${id}.records.gz`,
      bytes: 4_321,
      indexOffset: 4_000,
      indexLength: 321,
      root: ROOT,
      metatiles: 7,
    },
    tiles: 1_234,
    empty: 66,
    bytes: 9_876_543,
  };
}

/** What the documents of a small tileset of two scenes are made of, with some of it changed. */
export function documentsInput({
  tileset,
  place,
  origin,
  ...rest
}: {
  readonly tileset?: Partial<TilesetDocumentsInput['tileset']>;
  readonly place?: Partial<TilesetDocumentsInput['place']>;
  readonly origin?: Partial<TilesetDocumentsInput['origin']>;
  readonly version?: TilesetVersion | null;
} = {}): TilesetDocumentsInput {
  const archive = place?.archive ?? null;
  const stem = archive?.replace(/\.[a-z]+$/, '');
  return {
    tileset: {
      name: 'Karst & coast',
      description: 'Sentinel-2, <true colour>',
      attribution: '<a href="https://example.org">Copernicus</a>',
      minzoom: 6,
      maxzoom: 9,
      bbox: [13.5, 45.1, 15.25, 46.5],
      geometry: null,
      extension: 'png',
      contentType: 'image/png',
      tileSize: 256,
      ...tileset,
    },
    place: { archive: null, publicUrl: null, ...place },
    version: versionOf(stem === undefined ? null : `${stem}.versions/3-a1b2c3d4.pmtiles`),
    origin: {
      requestHash: 'ab'.repeat(32),
      stacUrl: 'https://stac.example/v1/search',
      datetime: null,
      softwareVersion: '0.1.0',
      scenes: [
        { scene: 'sentinel-2-l2a/S2B_33TVL', datetime: '2025-07-03T10:00:31.024Z' },
        { scene: 'sentinel-2-l2a/S2A_33TVL', datetime: '2025-06-28T10:00:31.000000Z' },
        { scene: 'sentinel-2-l2a/S2B_33TVL', datetime: '2025-07-03T10:00:31.024Z' },
      ],
      ...origin,
    },
    ...rest,
  };
}

/** The documents of an input, by path. */
export async function documentsByPath(input: TilesetDocumentsInput): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for await (const { path, text } of tilesetDocuments(input)) texts.set(path, text);
  return texts;
}
