import * as z from 'zod';
import { TilerError } from '../../errors.ts';
import type { StoreCallOptions, TileStore } from '../tile-store.ts';
import type { TilesetVersion } from '../versions.ts';
import { cutGeometry } from './stac-item.ts';
import type { TilesetDocumentsInput } from './tileset-description.ts';
import { jsonText, tilesetDocuments } from './tileset-documents.ts';
import { usedScenes } from './used-scenes.ts';

/** The document from which those of a version that is kept can be made again. */
const DESCRIPTION_NAME = 'description.json';

const BboxSchema = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const PositionSchema = z.array(z.number());
const GeometrySchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('Polygon'), coordinates: z.array(z.array(PositionSchema)) }),
  z.strictObject({ type: z.literal('MultiPolygon'), coordinates: z.array(z.array(z.array(PositionSchema))) }),
]);

const DescribedSchema = z.strictObject({
  tileset: z.strictObject({
    name: z.string(),
    description: z.string().optional(),
    attribution: z.string().optional(),
    minzoom: z.int(),
    maxzoom: z.int(),
    bbox: BboxSchema,
    geometry: GeometrySchema.nullable(),
    extension: z.string(),
    contentType: z.string(),
    tileSize: z.int(),
  }),
  place: z.strictObject({ archive: z.string().nullable(), publicUrl: z.string().nullable() }),
  origin: z.strictObject({
    requestHash: z.string(),
    stacUrl: z.string(),
    datetime: z.string().nullable(),
    softwareVersion: z.string(),
  }),
});

const DescriptionSchema = z.strictObject({ v: z.literal(1), requests: z.record(z.string(), DescribedSchema) });

type Described = z.output<typeof DescribedSchema>;

/**
 * Writes the documents beside a tileset; those of an archive so that `restoreDocuments` can make them again. Doing it again
 * writes the same.
 *
 * @throws TilerError those of the store
 */
export async function publishDocuments(
  store: TileStore,
  input: TilesetDocumentsInput,
  options: StoreCallOptions,
): Promise<void> {
  if (input.place.archive !== null && input.version !== null) await putDescription(store, input, options);
  for await (const { path, text, contentType } of tilesetDocuments(input)) {
    await store.putDocument(path, text, contentType, options);
  }
}

/**
 * Writes the documents of a version that was published before and is the current one again: as they were then, but for names
 * and URLs, which are those of the last time that its request was published.
 *
 * @returns false, with nothing written, if nothing beside the tileset describes the request of the version
 * @throws TilerError `ARCHIVE_INVALID` if its records cannot be read, `STORE_CONFLICT`, and those of the store
 */
export async function restoreDocuments(
  store: TileStore,
  version: TilesetVersion,
  options: StoreCallOptions,
): Promise<boolean> {
  const described = (await readDescriptions(store, options)).get(version.requestHash);
  if (described === undefined) return false;
  const scenes = usedScenes((await store.openRecords(version, options)).records(options));
  const origin = { ...described.origin, scenes };
  for await (const { path, text, contentType } of tilesetDocuments({ ...described, version, origin })) {
    await store.putDocument(path, text, contentType, options);
  }
  return true;
}

/** Keeps what is said of the requests of versions that are kept; of the same request the newest counts. */
async function putDescription(
  store: TileStore,
  input: TilesetDocumentsInput,
  options: StoreCallOptions,
): Promise<void> {
  const { tileset, place, origin } = input;
  const { requestHash, stacUrl, datetime, softwareVersion } = origin;
  const own: Described = {
    tileset: { ...withoutUndefined(tileset), geometry: cutGeometry(tileset) },
    place,
    // Without user, query and fragment, which may hold a key.
    origin: {
      requestHash,
      stacUrl: stacUrl.replace(/[?#].*$/s, '').replace(/\/\/[^/@]*@/, '//'),
      datetime,
      softwareVersion,
    },
  };
  const before = await readDescriptions(store, options);
  const hashes = new Set((await store.versions(options))?.versions.map((version) => version.requestHash));
  const kept = [...before].filter(([hash]) => hashes.has(hash) && hash !== requestHash);
  const requests = Object.fromEntries([[requestHash, own], ...kept]);
  await store.putDocument(DESCRIPTION_NAME, jsonText({ v: 1, requests }), 'application/json', options);
}

async function readDescriptions(store: TileStore, options: StoreCallOptions): Promise<ReadonlyMap<string, Described>> {
  const text = await store.getDocument(DESCRIPTION_NAME, options);
  if (text === null) return new Map();
  try {
    return new Map(Object.entries(DescriptionSchema.parse(JSON.parse(text)).requests));
  } catch (cause) {
    const found = 'a document of another kind or version';
    throw new TilerError('STORE_CONFLICT', `Reading ${DESCRIPTION_NAME} of ${store.label}: found ${found}`, { cause });
  }
}

function withoutUndefined({ description, attribution, ...rest }: TilesetDocumentsInput['tileset']) {
  return {
    ...rest,
    bbox: [...rest.bbox] satisfies number[] as [number, number, number, number],
    ...(description === undefined ? {} : { description }),
    ...(attribution === undefined ? {} : { attribution }),
  };
}
