import { jsonText } from '../../src/store/documents/tileset-documents.ts';
import { mapStyleOf } from '../../src/store/documents/map-style.ts';
import { tileJsonOf } from '../../src/store/documents/tileset-tilejson.ts';
import { wmtsCapabilitiesOf } from '../../src/store/documents/wmts-capabilities.ts';
import { ITEM_NAME, STYLE_NAME, WMTS_NAME } from '../../src/store/documents/document-links.ts';
import { isTilerError } from '../../src/errors.ts';
import { TILEJSON_CONTENT_TYPE, TILEJSON_NAME } from '../../src/store/tilejson.ts';
import type { TileJson } from '../../src/store/tilejson.ts';
import { isValid } from '../../src/tms/tile.ts';
import { maplibreAnswer } from '../page-server.ts';
import type { Answer } from '../page-server.ts';
import { previewPage } from './preview-page.ts';
import { PREVIEW_SCRIPT } from './preview-script.ts';
import { PREVIEW_STYLE } from './preview-style.ts';
import type { PreviewSource, ServedArchive, TilesetView } from './tileset-view.ts';

/** What is asked of a preview. */
export interface PreviewQuestion {
  readonly path: string;
  /** `v` of the query, as `version` is WMTS's own; null = the one that counts. */
  readonly versionId: string | null;
  /** Scheme, host and port, as whoever asks knows them. */
  readonly origin: string;
  readonly signal: AbortSignal;
}

/** What is there; of an archive, its bytes are read as they are sent. `empty`: an empty tile, or no versions. */
export type PreviewAnswer =
  | ({ readonly kind: 'body' } & Answer)
  | { readonly kind: 'archive'; readonly archive: ServedArchive; readonly cacheControl: string }
  | { readonly kind: 'empty' }
  | { readonly kind: 'nothing' };

const EMPTY: PreviewAnswer = { kind: 'empty' };
const NOTHING: PreviewAnswer = { kind: 'nothing' };
const TILE_PATH = /^\/tiles\/([0-9]{1,2})\/([0-9]{1,10})\/([0-9]{1,10})\.([a-z0-9]+)$/;

/** Documents that are given as they lie beside the tileset. */
const STORED_DOCUMENTS: Readonly<Record<string, string>> = {
  [`/${ITEM_NAME}`]: 'application/geo+json',
  '/tilewright.json': 'application/json',
};

/** A version never changes; what counts may be another one the next time. */
const IMMUTABLE = 'public, max-age=31536000, immutable';
const REVALIDATED = 'no-cache';

/** Finds what lies at a path. @throws TilerError those of the source */
export async function answerPreview(source: PreviewSource, question: PreviewQuestion): Promise<PreviewAnswer> {
  const { path, signal } = question;
  const file = (await maplibreAnswer(path, signal)) ?? pageFile(path);
  if (file !== null) return body(file);
  if (path === '/versions.json') {
    const versions = await source.versions({ signal });
    return versions === null ? EMPTY : body({ contentType: 'application/json', body: jsonText(versions) });
  }
  const type = Object.hasOwn(STORED_DOCUMENTS, path) ? STORED_DOCUMENTS[path] : undefined;
  if (type !== undefined) {
    const text = await source.document(path.slice(1), { signal });
    return text === null ? NOTHING : body({ contentType: type, body: text });
  }
  if (!isOfTileset(path)) return NOTHING;
  try {
    return await answerOfTileset(source, question);
  } catch (error) {
    // An archive that was replaced under its name, which is noticed now, is opened anew.
    if (!isTilerError(error) || error.code !== 'ASSET_CHANGED') throw error;
    return await answerOfTileset(source, question);
  }
}

function pageFile(path: string): Answer | null {
  if (path === '/preview.mjs') return { contentType: 'text/javascript; charset=utf-8', body: PREVIEW_SCRIPT };
  if (path === '/preview.css') return { contentType: 'text/css; charset=utf-8', body: PREVIEW_STYLE };
  return null;
}

function isOfTileset(path: string): boolean {
  return (
    ['/', '/archive.pmtiles', `/${TILEJSON_NAME}`, `/${STYLE_NAME}`, `/${WMTS_NAME}`].includes(path) ||
    TILE_PATH.test(path)
  );
}

async function answerOfTileset(source: PreviewSource, question: PreviewQuestion): Promise<PreviewAnswer> {
  const { path, versionId, origin, signal } = question;
  const view = await source.view(versionId, { signal });
  if (view === null) return NOTHING;
  const cacheControl = versionId === null || view.archive === null ? REVALIDATED : IMMUTABLE;
  switch (path) {
    case '/':
      return body({ contentType: 'text/html; charset=utf-8', body: previewPage(view.name) });
    case '/archive.pmtiles':
      return view.archive === null ? NOTHING : { kind: 'archive', archive: view.archive, cacheControl };
    case `/${TILEJSON_NAME}`:
      return body({ contentType: TILEJSON_CONTENT_TYPE, body: jsonText(tileJsonAt(view, origin, versionId)) });
    case `/${STYLE_NAME}`:
      return body({ contentType: 'application/json', body: jsonText(mapStyleOf(tileJsonAt(view, origin, versionId))) });
    case `/${WMTS_NAME}`: {
      const links = { tiles: tilesAt(view, origin, versionId), capabilities: `${origin}${path}${queryOf(versionId)}` };
      return body({ contentType: 'application/xml', body: wmtsCapabilitiesOf(view, links) });
    }
    default:
      return await answerTile(view, path, { cacheControl, signal });
  }
}

async function answerTile(
  view: TilesetView,
  path: string,
  { cacheControl, signal }: { readonly cacheControl: string; readonly signal: AbortSignal },
): Promise<PreviewAnswer> {
  const [, z, x, y, extension] = TILE_PATH.exec(path) ?? [];
  const tile = { z: Number(z), x: Number(x), y: Number(y) };
  if (extension !== view.extension || !isValid(tile)) return NOTHING;
  // There is none beyond the zooms; not every store could be asked.
  const isWithin = tile.z >= view.minzoom && tile.z <= view.maxzoom;
  const bytes = isWithin ? await view.tile(tile, { signal }) : null;
  return bytes === null ? EMPTY : body({ contentType: view.contentType, body: bytes, cacheControl });
}

function tileJsonAt(view: TilesetView, origin: string, versionId: string | null): TileJson {
  return tileJsonOf(view, { tiles: tilesAt(view, origin, versionId), version: view.version });
}

function tilesAt({ extension }: TilesetView, origin: string, versionId: string | null): string {
  return `${origin}/tiles/{z}/{x}/{y}.${extension}${queryOf(versionId)}`;
}

function queryOf(versionId: string | null): string {
  return versionId === null ? '' : `?v=${encodeURIComponent(versionId)}`;
}

function body(answer: Answer): PreviewAnswer {
  return { kind: 'body', ...answer };
}
