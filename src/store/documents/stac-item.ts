import type { Geometry, Position } from 'geojson';
import { boxesToGeometry, splitAtAntimeridian } from '../../geo/bbox.ts';
import type { Bbox } from '../../geo/bbox.ts';
import { TILEJSON_CONTENT_TYPE, TILEJSON_NAME } from '../tilejson.ts';
import type { TilesetVersion } from '../versions.ts';
import { ITEM_NAME, STYLE_NAME, WMTS_NAME } from './document-links.ts';
import type { TilesetLinks } from './document-links.ts';
import type { TilesetDescription, TilesetDocumentsInput } from './tileset-description.ts';
import { searchedRange, summariseScenes } from './used-scenes.ts';
import type { SceneSummary } from './used-scenes.ts';
import { WMTS_LAYER } from './wmts-capabilities.ts';

interface StacLink {
  readonly rel: string;
  readonly href: string;
  readonly type?: string;
  readonly title?: string;
  readonly 'wmts:layer'?: string;
}

interface StacAsset {
  readonly href: string;
  readonly title: string;
  readonly type?: string;
  readonly roles: readonly string[];
  readonly 'file:size'?: number;
}

/** A STAC item, as far as it is used here. */
export interface StacItemDocument {
  readonly type: 'Feature';
  readonly stac_version: '1.1.0';
  readonly stac_extensions: readonly string[];
  readonly id: string;
  readonly geometry: Geometry;
  readonly bbox: Bbox;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly links: readonly StacLink[];
  readonly assets: Readonly<Record<string, StacAsset>>;
}

const EXTENSIONS = [
  'https://stac-extensions.github.io/file/v2.1.0/schema.json',
  'https://stac-extensions.github.io/processing/v1.2.0/schema.json',
  'https://stac-extensions.github.io/projection/v2.0.0/schema.json',
  'https://stac-extensions.github.io/version/v1.2.0/schema.json',
  'https://stac-extensions.github.io/web-map-links/v1.2.0/schema.json',
];

/** Links to input items; a count says how many there are. */
const MAX_INPUT_LINKS = 1_000;

/** A geometry with more positions than this is replaced by its box: the item is read whole by whoever looks at it. */
const MAX_POSITIONS = 20_000;

const PMTILES_TYPE = 'application/vnd.pmtiles';
const STYLE_TYPE = 'application/vnd.mapbox.style+json';

/**
 * The STAC item of a finished tileset: where it lies, from when its scenes are, what it was made of and by what, and how
 * to show it. Null if neither the scenes nor the search say a time, without which there is no item.
 *
 * @see STAC 1.1.0, item specification
 */
export async function stacItemOf(
  { tileset, place, version, origin }: TilesetDocumentsInput & { readonly version: TilesetVersion },
  links: TilesetLinks,
): Promise<StacItemDocument | null> {
  const scenes = await summariseScenes(origin.scenes, { limit: MAX_INPUT_LINKS });
  const range = scenes.range ?? searchedRange(origin.datetime);
  if (range === null) return null;
  const { name, description, attribution, bbox } = tileset;
  const { from, to } = range;
  return {
    type: 'Feature',
    stac_version: '1.1.0',
    stac_extensions: EXTENSIONS,
    id: idOf(name),
    geometry: geometryOf(tileset),
    bbox,
    properties: {
      title: name,
      ...(description === undefined ? {} : { description }),
      ...(attribution === undefined ? {} : { attribution }),
      ...(from === to ? { datetime: from } : { datetime: null, start_datetime: from, end_datetime: to }),
      version: version.id,
      'proj:code': 'EPSG:3857',
      'processing:software': { Tilewright: origin.softwareVersion },
      'tilewright:request_hash': origin.requestHash,
      'tilewright:records_root': version.records.root,
      'tilewright:generation': version.generation,
      'tilewright:tiles': version.tiles,
      'tilewright:input_count': scenes.count,
      ...(scenes.isCountExact ? {} : { 'tilewright:input_count_is_minimum': true }),
      'tilewright:minzoom': tileset.minzoom,
      'tilewright:maxzoom': tileset.maxzoom,
    },
    links: [...mapLinks(tileset, place.archive, links), ...inputLinks(scenes, origin.stacUrl)],
    assets: assetsOf(tileset, { archive: place.archive, version }, links),
  };
}

/** Letters, digits, `-`, `_` and `.`, as STAC recommends for IDs. */
function idOf(name: string): string {
  const id = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-');
  return id.replace(/^[-.]+|[-.]+$/g, '') || 'tileset';
}

/** The area of a tileset; null where its box has to do. */
export function cutGeometry({ geometry }: Pick<TilesetDescription, 'geometry'>): TilesetDescription['geometry'] {
  return geometry !== null && positionsOf(geometry.coordinates) <= MAX_POSITIONS ? geometry : null;
}

function geometryOf({ geometry, bbox }: TilesetDescription): Geometry {
  return cutGeometry({ geometry }) ?? boxesToGeometry(splitAtAntimeridian(bbox));
}

function positionsOf(coordinates: readonly (Position[] | Position[][])[]): number {
  return coordinates.flat(2).filter((part) => Array.isArray(part)).length;
}

function mapLinks({ name, contentType }: TilesetDescription, archive: string | null, links: TilesetLinks): StacLink[] {
  const title = name;
  const tileJson = { rel: 'tilejson', href: links.document(TILEJSON_NAME), type: TILEJSON_CONTENT_TYPE, title };
  const self = { rel: 'self', href: links.document(ITEM_NAME), type: 'application/geo+json' };
  const all: StacLink[] = links.isAbsolute ? [self, tileJson] : [tileJson];
  if (archive === null) {
    all.push({ rel: 'xyz', href: links.isAbsolute ? links.tiles : `./${links.tiles}`, type: contentType, title });
    if (links.isAbsolute) {
      all.push({ rel: 'wmts', href: links.document(WMTS_NAME), type: contentType, title, 'wmts:layer': WMTS_LAYER });
    }
  } else if (/\.pmtiles$/i.test(archive)) {
    all.push({ rel: 'pmtiles', href: links.holder, type: PMTILES_TYPE, title });
  }
  return all;
}

/** Scenes without a collection have no address of their own in an API. */
function inputLinks({ names }: SceneSummary, stacUrl: string): StacLink[] {
  const root = apiRoot(stacUrl);
  return names.flatMap((scene) => {
    const slash = scene.indexOf('/');
    if (slash < 0) return [];
    const collection = encodeURIComponent(scene.slice(0, slash));
    const item = encodeURIComponent(scene.slice(slash + 1));
    const href = `${root}/collections/${collection}/items/${item}`;
    return [{ rel: 'derived_from', href, type: 'application/geo+json' }];
  });
}

/** Without user, query and fragment, which may hold a key. */
function apiRoot(stacUrl: string): string {
  const { origin, pathname } = new URL(stacUrl);
  return origin + pathname.replace(/\/+$/, '').replace(/\/search$/, '');
}

function assetsOf(
  { contentType }: TilesetDescription,
  { archive, version }: { readonly archive: string | null; readonly version: TilesetVersion },
  links: TilesetLinks,
): Readonly<Record<string, StacAsset>> {
  const holder =
    archive === null
      ? { title: `Folder of the tiles, ${contentType} each, named z/x/y` }
      : {
          title: 'Tiles in one archive',
          type: /\.mbtiles$/i.test(archive) ? 'application/vnd.sqlite3' : PMTILES_TYPE,
          'file:size': version.bytes,
        };
  return {
    tiles: { href: links.holder, ...holder, roles: ['data'] },
    tilejson: {
      href: links.document(TILEJSON_NAME),
      title: 'TileJSON',
      type: TILEJSON_CONTENT_TYPE,
      roles: ['metadata'],
    },
    style: { href: links.document(STYLE_NAME), title: 'MapLibre style', type: STYLE_TYPE, roles: ['metadata'] },
    records: {
      href: links.stored(version.records.path),
      title: 'Records of all metatiles: inputs and digests of tiles',
      type: 'application/gzip',
      'file:size': version.records.bytes,
      roles: ['metadata'],
    },
  };
}
