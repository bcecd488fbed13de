import { TilerError } from '../../src/errors.ts';
import { ITEM_NAME, STYLE_NAME } from '../../src/store/documents/document-links.ts';
import { mapStyleOf } from '../../src/store/documents/map-style.ts';
import type { TilesetDocument } from '../../src/store/documents/tileset-description.ts';
import { restoreDocuments } from '../../src/store/documents/publish-documents.ts';
import { jsonText, tilesetDocuments } from '../../src/store/documents/tileset-documents.ts';
import { semanticVersion } from '../../src/store/documents/tileset-tilejson.ts';
import { usedScenes } from '../../src/store/documents/used-scenes.ts';
import { TILEJSON_CONTENT_TYPE, TILEJSON_NAME, parseTileJson, tileJsonToText } from '../../src/store/tilejson.ts';
import type { StoreCallOptions, TileStore } from '../../src/store/tile-store.ts';
import type { TilesetVersion, VersionsDocument } from '../../src/store/versions.ts';
import { documentsInputOf } from '../describe-tileset.ts';
import { createPlan } from '../plan-jobs.ts';
import { requestHash } from '../request/request-hash.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { softwareVersion } from '../software-version.ts';

export interface RollBackOptions extends StoreCallOptions {
  /** Null = the one before the current one. */
  readonly versionId: string | null;
  /** What the tileset was asked for by; null = not known. */
  readonly request: TilesetRequest | null;
}

/** What rolling back came to. */
export interface RolledBack {
  readonly version: TilesetVersion;
  /** Documents that go on describing another version. */
  readonly stale: readonly string[];
}

/**
 * Makes a version that is kept the current one, and has the documents beside the tileset point to it: all of them where the
 * request is known, or was described when the version was published; else TileJSON and style. Doing it again with the same
 * ID is harmless.
 *
 * @throws TilerError `REQUEST_INVALID` if there is no such version, and those of the store
 */
export async function rollBackTileset(
  store: TileStore,
  { versionId, request, signal }: RollBackOptions,
): Promise<RolledBack> {
  const document = await store.versions({ signal });
  const version = await store.rollBack(versionId ?? idBefore(document, store.label), { signal });
  // What was written with the version describes it best.
  const isOther = request === null || requestHash(request) !== version.requestHash;
  if (isOther && (await restoreDocuments(store, version, { signal }))) return { version, stale: [] };
  const documents =
    request === null ? pointedTo(store, version, { signal }) : describedBy(store, version, request, signal);
  for await (const { path, text, contentType } of documents) {
    await store.putDocument(path, text, contentType, { signal });
  }
  const hasItem = request === null && (await store.getDocument(ITEM_NAME, { signal })) !== null;
  return { version, stale: hasItem ? [ITEM_NAME] : [] };
}

function idBefore(document: VersionsDocument | null, label: string): string {
  const { current = '', versions = [] } = document ?? {};
  const before = versions[versions.findIndex(({ id }) => id === current) + 1];
  if (before !== undefined) return before.id;
  const found = document === null ? 'no versions' : `${current}, and none before it that is kept`;
  throw new TilerError('REQUEST_INVALID', `Rolling ${label} back: found ${found}`);
}

async function* describedBy(
  store: TileStore,
  version: TilesetVersion,
  request: TilesetRequest,
  signal: AbortSignal,
): AsyncGenerator<TilesetDocument> {
  const scenes = usedScenes((await store.openRecords(version, { signal })).records({ signal }));
  const { bbox } = createPlan(request);
  const described = { bbox, requestHash: version.requestHash, version, softwareVersion: softwareVersion(), scenes };
  yield* tilesetDocuments(documentsInputOf(request, described));
}

/** TileJSON and style as they are, but for the version that they name. */
async function* pointedTo(
  store: TileStore,
  version: TilesetVersion,
  options: StoreCallOptions,
): AsyncGenerator<TilesetDocument> {
  const text = await store.getDocument(TILEJSON_NAME, options);
  const found = text === null ? null : parseTileJson(text);
  if (found === null) return;
  const { archive } = version;
  // Whatever version it names: the folder of versions is the same.
  const tiles = found.tiles.map((template) => {
    return archive === null ? template : template.replace(ARCHIVE_OF_VERSION, archive.replace(/.*\//s, ''));
  });
  const tileJson = { ...found, tiles, version: semanticVersion(version) };
  yield { path: STYLE_NAME, text: jsonText(mapStyleOf(tileJson)), contentType: 'application/json' };
  yield { path: TILEJSON_NAME, text: tileJsonToText(tileJson), contentType: TILEJSON_CONTENT_TYPE };
}

/** `3-ab12cd34.pmtiles` in the template of the tiles of an archive. */
const ARCHIVE_OF_VERSION = /(?<=\/)[1-9][0-9]*-[0-9a-f]{8}\.(?:pm|mb)tiles(?=\/)/;
