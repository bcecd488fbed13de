import { ITEM_NAME, STYLE_NAME, tilesetLinks, WMTS_NAME } from './document-links.ts';
import { mapStyleOf } from './map-style.ts';
import { stacItemOf } from './stac-item.ts';
import { TILEJSON_CONTENT_TYPE, TILEJSON_NAME, tileJsonToText } from '../tilejson.ts';
import type { TilesetDocument, TilesetDocumentsInput } from './tileset-description.ts';
import { tileJsonOf } from './tileset-tilejson.ts';
import { wmtsCapabilitiesOf } from './wmts-capabilities.ts';

/**
 * The documents beside a finished tileset, in the order in which they are to be written: STAC item (not without a version,
 * or where nothing says a time), WMTS capabilities (only where tiles have absolute addresses), map style and, last,
 * TileJSON, which clients begin with. An archive without a version has none: those of the version before it stay.
 */
export async function* tilesetDocuments(
  input: TilesetDocumentsInput,
): AsyncGenerator<TilesetDocument, void, undefined> {
  const { tileset, place, version } = input;
  if (place.archive !== null && version === null) return;
  const links = tilesetLinks(input);
  const item = version === null ? null : await stacItemOf({ ...input, version }, links);
  if (item !== null) yield { path: ITEM_NAME, text: jsonText(item), contentType: 'application/geo+json' };
  const { tiles } = links;
  if (place.archive === null && links.isAbsolute) {
    const text = wmtsCapabilitiesOf(tileset, { tiles, capabilities: links.document(WMTS_NAME) });
    yield { path: WMTS_NAME, text, contentType: 'application/xml' };
  }
  const tileJson = tileJsonOf(tileset, { tiles, version });
  yield { path: STYLE_NAME, text: jsonText(mapStyleOf(tileJson)), contentType: 'application/json' };
  yield { path: TILEJSON_NAME, text: tileJsonToText(tileJson), contentType: TILEJSON_CONTENT_TYPE };
}

/** The text of a document; the same document always gives the same text. */
export function jsonText(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
