import { readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The parts of a STAC item that the benchmarks look at. */
interface BenchItem {
  readonly id: string;
  readonly bbox: readonly [number, number, number, number];
  readonly geometry: { readonly type: 'Polygon'; readonly coordinates: number[][][] };
  readonly assets: Record<string, { href: string }>;
}

/** A tileset to render from start to end, for every tool. */
export interface Workload {
  readonly name: string;
  /** Folder of the files. */
  readonly files: string;
  /** First = on top; their hrefs are file URLs. */
  readonly items: readonly BenchItem[];
  readonly asset: string;
  readonly area: readonly [number, number, number, number];
  readonly minzoom: number;
  readonly maxzoom: number;
  readonly tileSize: 256 | 512;
  readonly resampling: 'nearest' | 'bilinear';
  readonly nodata: number | null;
  /** How GDAL makes a zoom from the one above it. */
  readonly overviewResampling: 'average' | 'mode';
  /** The files are of one CRS and grid, so that a VRT can hold them and geotiff2pmtiles takes them. */
  readonly isOneGrid: boolean;
}

/** The files of a workload, first = on top. */
export function filesOf({ items, asset, files }: Workload): readonly string[] {
  return items.map(({ assets }) => join(files, basename(assets[asset]!.href)));
}

/**
 * The tileset request of a workload, at a STAC API. As the rivals do, only the last zoom is read from the sources, and
 * the tiles of the others are made of those below them.
 */
export function requestOf(workload: Workload, searchUrl: string): object {
  const { asset, area, minzoom, maxzoom, tileSize, resampling, nodata } = workload;
  return {
    mosaic: { type: 'stac', url: searchUrl, query: {}, sortby: ['+id'] },
    area: { bbox: area },
    minzoom,
    maxzoom,
    sourceMinzoom: maxzoom,
    tileSize,
    assets: [asset],
    resampling,
    ...(nodata === null ? {} : { nodata }),
    output: 'unused',
  };
}

/** The whole world in 15 scenes in EPSG:4326 that touch, JPEG. */
export async function worldWorkload(data: string): Promise<Workload> {
  const files = join(data, 'world-mosaic');
  const lines = (await readFile(join(files, 'items.json'), 'utf8')).split('\n').filter((line) => line !== '');
  return {
    name: 'world-mosaic z0 to z6',
    files,
    items: withFileUrls(
      files,
      lines.map((line) => JSON.parse(line) as BenchItem),
    ),
    asset: 'asset',
    area: [-180, -85.06, 180, 85.06],
    minzoom: 0,
    maxzoom: 6,
    tileSize: 256,
    resampling: 'bilinear',
    nodata: null,
    overviewResampling: 'average',
    isOneGrid: true,
  };
}

/** Four Sentinel-2-like scenes over the border of two UTM zones, DEFLATE. */
export async function provinceWorkload(files: string, maxzoom = 13): Promise<Workload> {
  const text = await readFile(join(files, 'items.json'), 'utf8');
  const { features } = JSON.parse(text) as { readonly features: readonly BenchItem[] };
  return {
    name: `province z8 to z${maxzoom}`,
    files,
    items: withFileUrls(files, features),
    asset: 'tci',
    area: [11.41, 45, 13.22, 46.94],
    minzoom: 8,
    maxzoom,
    tileSize: 256,
    resampling: 'bilinear',
    nodata: 0,
    overviewResampling: 'average',
    isOneGrid: false,
  };
}

/** One land cover map in EPSG:4326 with a palette, 36,000 pixels square. */
export async function landCoverWorkload(data: string): Promise<Workload> {
  const files = join(data, 'palette');
  const name = (await readdir(files)).find((file) => file.startsWith('ESA_WorldCover'));
  if (name === undefined) throw new Error(`There is no ESA WorldCover file in ${files}`);
  const ring = [
    [6, 0],
    [9, 0],
    [9, 3],
    [6, 3],
    [6, 0],
  ];
  const item = {
    type: 'Feature',
    stac_version: '1.0.0',
    id: 'N00E006',
    collection: 'land-cover',
    geometry: { type: 'Polygon', coordinates: [ring] },
    bbox: [6, 0, 9, 3],
    properties: { datetime: '2021-01-01T00:00:00Z' },
    links: [],
    assets: { map: { href: name } },
  } as const;
  return {
    name: 'ESA WorldCover z4 to z12, 512 px',
    files,
    items: withFileUrls(files, [{ ...item, geometry: { type: 'Polygon', coordinates: [ring] } }]),
    asset: 'map',
    area: [6, 0, 9, 3],
    minzoom: 4,
    maxzoom: 12,
    tileSize: 512,
    resampling: 'nearest',
    nodata: null,
    overviewResampling: 'mode',
    isOneGrid: true,
  };
}

function withFileUrls(folder: string, items: readonly BenchItem[]): readonly BenchItem[] {
  for (const asset of items.flatMap(({ assets }) => Object.values(assets)))
    asset.href = pathToFileURL(join(folder, basename(asset.href))).href;
  return items.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
