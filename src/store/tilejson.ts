import * as z from 'zod';
import type { Bbox } from '../geo/bbox.ts';

/** Name of the document beside the tiles of a store. */
export const TILEJSON_NAME = 'tilejson.json';
export const TILEJSON_CONTENT_TYPE = 'application/json';

/** Where Web Mercator ends: the latitude at which its square is as high as it is wide. */
const MAX_MERCATOR_LATITUDE = 85.0511287798066;

const LongitudeSchema = z.number().min(-180).max(180);
const LatitudeSchema = z.number().min(-90).max(90);
const ZoomSchema = z.int().min(0).max(30);

const TileJsonSchema = z.looseObject({
  tilejson: z.string().regex(/^3\.[0-9]+\.[0-9]+$/),
  name: z.string(),
  description: z.string().optional(),
  version: z.string().optional(),
  scheme: z.literal('xyz'),
  tiles: z.array(z.string().min(1)).min(1),
  minzoom: ZoomSchema,
  maxzoom: ZoomSchema,
  bounds: z.tuple([LongitudeSchema, LatitudeSchema, LongitudeSchema, LatitudeSchema]),
  center: z.tuple([LongitudeSchema, LatitudeSchema, ZoomSchema]),
  attribution: z.string().optional(),
  format: z.string().regex(/^[a-z0-9]+$/),
  tileSize: z.int().min(1).max(4096),
});

/**
 * What a map client has to know of a tileset: TileJSON 3.0.0, with the fields `format` (file ending) and `tileSize`
 * (pixels), which the specification has no word for.
 *
 * `bounds` are degrees and never cross the antimeridian, because clients refuse west > east.
 *
 * @see https://github.com/mapbox/tilejson-spec/tree/master/3.0.0
 */
export type TileJson = z.output<typeof TileJsonSchema>;

export interface TileJsonInput {
  readonly name: string;
  readonly minzoom: number;
  readonly maxzoom: number;
  /** Box of the area, in degrees; may cross the antimeridian. */
  readonly bbox: Bbox;
  /** File ending without the dot. */
  readonly extension: string;
  /** Pixels. */
  readonly tileSize: number;
  /** Put before `{z}/{x}/{y}`; without it the template is relative to the document. */
  readonly baseUrl?: string;
  /** Whole template of the tiles, in the place of one made with `baseUrl`. */
  readonly tiles?: string | undefined;
  readonly description?: string | undefined;
  readonly attribution?: string | undefined;
  /** Of the tiles, in the form of semantic versioning. */
  readonly version?: string | undefined;
}

/** Makes the TileJSON document of a tileset. A box across the antimeridian gets bounds around the whole world. */
export function createTileJson(input: TileJsonInput): TileJson {
  const clamp = (latitude: number): number =>
    Math.min(Math.max(latitude, -MAX_MERCATOR_LATITUDE), MAX_MERCATOR_LATITUDE);
  const [west, , east] = input.bbox;
  const south = clamp(input.bbox[1]);
  const north = clamp(input.bbox[3]);
  const crosses = west > east;
  const middle = crosses ? (west + east + 360) / 2 : (west + east) / 2;
  const base = input.baseUrl === undefined ? '' : `${input.baseUrl.replace(/\/+$/, '')}/`;
  return {
    tilejson: '3.0.0',
    name: input.name,
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.version === undefined ? {} : { version: input.version }),
    scheme: 'xyz',
    tiles: [input.tiles ?? `${base}{z}/{x}/{y}.${input.extension}`],
    minzoom: input.minzoom,
    maxzoom: input.maxzoom,
    bounds: crosses ? [-180, south, 180, north] : [west, south, east, north],
    center: [round(middle > 180 ? middle - 360 : middle), round((south + north) / 2), input.minzoom],
    ...(input.attribution === undefined ? {} : { attribution: input.attribution }),
    format: input.extension,
    tileSize: input.tileSize,
  };
}

/** A tenth of a metre is enough for a place to look at, and reads better than 46.010000000000005. */
function round(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}

/** The text of a TileJSON document; the same document always gives the same text. */
export function tileJsonToText(document: TileJson): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Reads the text of a TileJSON document of a tileset made here; `null` if it is none. */
export function parseTileJson(text: string): TileJson | null {
  try {
    return TileJsonSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
