import type { TilesetDocumentsInput } from './tileset-description.ts';

export const STYLE_NAME = 'style.json';
export const WMTS_NAME = 'WMTSCapabilities.xml';
export const ITEM_NAME = 'item.json';

/** Where what belongs to a tileset can be found: absolute URLs, or relative ones where nothing is known of their base. */
export interface TilesetLinks {
  readonly isAbsolute: boolean;
  /** Template of the tiles, with `{z}`, `{x}` and `{y}`. */
  readonly tiles: string;
  /** Of what holds the tiles: the archive of the version, or the folder of the tiles. */
  readonly holder: string;
  /** Of a document, by its path for `TileStore.putDocument`. */
  readonly document: (path: string) => string;
  /** Of a path in the store of the tileset. */
  readonly stored: (path: string) => string;
}

/** The links of a tileset. An archive is named by the version, which never changes, not by the name of the tileset. */
export function tilesetLinks({ tileset, place, version }: Omit<TilesetDocumentsInput, 'origin'>): TilesetLinks {
  const { archive, publicUrl } = place;
  const base = publicUrl === null ? '' : folderUrl(publicUrl, archive !== null);
  const prefix = archive === null ? '' : `${archive.replace(ARCHIVE_ENDING, '')}.`;
  const href = (path: string): string => (base === '' ? `./${path}` : base + path);
  const tiles = '{z}/{x}/{y}';
  const links = {
    isAbsolute: base !== '',
    document: (path: string) => href(prefix + path),
    stored: href,
  };
  if (archive === null) return { ...links, tiles: `${base}${tiles}.${tileset.extension}`, holder: href('') };
  const file = version?.archive ?? archive;
  const scheme = (ARCHIVE_ENDING.exec(archive)?.[1] ?? 'pmtiles').toLowerCase();
  return { ...links, tiles: `${scheme}://${base}${file}/${tiles}`, holder: href(file) };
}

const ARCHIVE_ENDING = /\.(pmtiles|mbtiles)$/i;

/** The URL of a folder, with a slash at its end; that of an archive gives the folder that it lies in. */
function folderUrl(url: string, isArchive: boolean): string {
  const folder = isArchive && ARCHIVE_ENDING.test(url) ? url.replace(/[^/]*$/, '') : url;
  return `${folder.replace(/\/+$/, '')}/`;
}
