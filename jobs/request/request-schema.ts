import * as z from 'zod';

const LONGITUDE = z.number().min(-180).max(180);
const LATITUDE = z.number().min(-90).max(90);

const BboxSchema = z
  .tuple([LONGITUDE, LATITUDE, LONGITUDE, LATITUDE])
  .describe('[west, south, east, north] in degrees; west > east crosses the antimeridian');

const PositionSchema = z.array(z.number()).min(2).max(3).describe('[longitude, latitude] in degrees');
const RingSchema = z.array(PositionSchema).min(4).describe('closed: the last position repeats the first');

/** The geometries that an area may be. */
export const GeometrySchema = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('Polygon'), coordinates: z.array(RingSchema).min(1) }),
  z.strictObject({ type: z.literal('MultiPolygon'), coordinates: z.array(z.array(RingSchema).min(1)).min(1) }),
]);

const AreaSchema = z
  .union([
    z.strictObject({ bbox: BboxSchema }),
    z.strictObject({ geometry: GeometrySchema }),
    z.strictObject({ file: z.string().min(1).describe('GeoJSON, relative to the request') }),
  ])
  .describe('What to render: a bbox, a GeoJSON Polygon or MultiPolygon, or a file that holds one');

export const StacMosaicSchema = z.strictObject({
  type: z.literal('stac'),
  url: z.url({ protocol: /^https?$/ }).describe('the search endpoint of a STAC API, or its landing page'),
  query: z
    .record(z.string(), z.json())
    .default({})
    .describe(
      'body of the item search: collections, datetime, query, filter, ids, …; bbox and intersects narrow the area further; ' +
        'an end of datetime may be a duration before today, as P30D/..',
    ),
  asOf: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/)
    .optional()
    .describe('the day, in UTC, that durations in query.datetime end with; default: the day on which a run begins'),
  sortby: z
    .array(z.string().regex(/^[+-]?[A-Za-z0-9_:.-]+$/))
    .min(1)
    .default(['-properties.datetime'])
    .describe('first = on top; the item ID breaks ties'),
  limit: z.int().min(1).max(10_000).default(100).describe('items per page'),
  maxItems: z.int().min(1).max(1_000_000).default(10_000).describe('more for one metatile is an error'),
});

const GivenColormapSchema = z
  .record(
    z.string().regex(/^(0|-?[1-9][0-9]{0,9})$/, 'a whole number in decimal digits as key'),
    z.array(z.int().min(0).max(255)).min(3).max(4).describe('[red, green, blue] or [red, green, blue, alpha]'),
  )
  .describe('{ value: colour }');

/** Zoom 26 is the last whose PMTiles tile IDs fit a double-precision integer. */
const ZoomSchema = z.int().min(0).max(26);

/**
 * What a user asks for: one JSON document that says everything which can change a pixel, and where the tiles go.
 * Unknown fields are errors. Numbers of bands are 1-based, zooms are WebMercatorQuad's, positions are degrees. What lies
 * between fields is checked by `parseTilesetRequest`.
 */
export const TilesetRequestSchema = z.strictObject({
  name: z.string().min(1).max(200).optional().describe('title of the tileset'),
  mosaic: z.discriminatedUnion('type', [StacMosaicSchema]),
  area: AreaSchema,
  minzoom: ZoomSchema,
  maxzoom: ZoomSchema,
  sourceMinzoom: ZoomSchema.optional().describe(
    'lowest zoom rendered from the sources: tiles of lower ones are made of the four below them; ' +
      'default: as far as the overviews of the sources reach',
  ),
  tileMatrixSet: z.literal('WebMercatorQuad').default('WebMercatorQuad'),
  tileSize: z
    .union([z.literal(256), z.literal(512)])
    .default(256)
    .describe('pixels'),
  assets: z
    .array(z.string().min(1))
    .min(1)
    .describe('asset keys: one multi-band asset, or several whose bands are stacked in this order'),
  onMissingAsset: z.enum(['error', 'skip']).default('error').describe('what an item without one of the assets is'),
  onAssetError: z
    .enum(['fail', 'skip'])
    .default('fail')
    .describe(
      'what an asset that is missing, forbidden, corrupt or not supported does to the tiles that need it: fail them, ' +
        'or leave its scene out of them and list it in the manifest',
    ),
  sidecars: z
    .array(z.enum(['ovr', 'msk']))
    .max(2)
    .default([])
    .describe(
      "files beside every asset to look for, named as GDAL names them: its overviews in href + '.ovr', its mask in href + " +
        "'.msk' (before a query); one that is not there is none, overviews inside the asset come before those beside it",
    ),
  bidx: z.array(z.int().min(1).max(65_535)).min(1).optional().describe('bands of every asset, 1-based; default all'),
  nodata: z
    .union([z.number(), z.literal('nan'), z.literal('item')])
    .optional()
    .describe(
      'overrides the files\' own nodata, alpha and mask; "item" = by the nodata of the item\'s raster:bands or bands, ' +
        'where it states one',
    ),
  unscale: z
    .enum(['none', 'file', 'item'])
    .default('none')
    .describe(
      'samples become values, sample x scale + offset in float32 or float64, before pixel selection and rescale: by the ' +
        "scale and offset of each file's tags, or of each item's raster:bands or bands, where it states them, else of the file",
    ),
  crs: z
    .union([z.string().min(1).max(65_536), z.record(z.string(), z.json())])
    .optional()
    .describe(
      'the CRS of files that name none, or none that is known: a code such as "EPSG:32633", WKT 1 or 2, a proj string, or ' +
        "PROJJSON as an object; without it, proj:code, proj:epsg, proj:wkt2 or proj:projjson of a file's item counts",
    ),
  crsOverride: z.boolean().default(false).describe('crs takes the place of what all files say of theirs'),
  rescale: z
    .array(z.tuple([z.number(), z.number()]))
    .min(1)
    .optional()
    .describe('[from, to] mapped to 0..255: one pair for all bands, or one each'),
  pixelSelection: z
    .enum(['first', 'highest', 'lowest', 'mean', 'median', 'stdev', 'sum', 'count', 'lastBandHigh', 'lastBandLow'])
    .default('first')
    .describe(
      'how scenes that lie on each other become one; sum and stdev give float64, count one band of uint16, ' +
        'lastBandHigh and lastBandLow drop the last band',
    ),
  bandRule: z
    .enum(['pixel', 'band'])
    .default('pixel')
    .describe(
      'how highest and lowest compare several bands: the pixel whose bands have the greatest or least sum, or each band for itself',
    ),
  resampling: z
    .enum(['nearest', 'bilinear', 'cubic', 'lanczos', 'average', 'mode', 'min', 'max', 'median'])
    .default('nearest')
    .describe(
      "how a tile's pixels are made of a scene's, as gdalwarp does it: the one at its centre, a mean weighted by the " +
        'distance to the centre (bilinear, cubic, lanczos), or the mean, most frequent, least, greatest or middle value ' +
        'under the whole pixel',
    ),
  colormap: z
    .union([z.enum(['source', 'none']), GivenColormapSchema])
    .optional()
    .describe(
      'colours of the values of one band: "source" = those of the files\' own palettes, where they have one; or given by ' +
        'value, after rescale, values without a colour being transparent; "none" = grey. ' +
        'Default "source", or "none" with rescale or 16 bits',
    ),
  antialias: z
    .boolean()
    .default(false)
    .describe(
      'bilinear and cubic weigh every source pixel under a reduction of less than half too, as GDAL before 3.13: ' +
        'smoother, slower',
    ),
  format: z.enum(['png', 'jpeg', 'webp', 'avif']).default('png'),
  quality: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe('of jpeg, webp and avif: how much their colours keep; default 85, 80 and 60, which look about the same'),
  lossless: z.boolean().default(false).describe('webp and avif that keep every value'),
  passThrough: z
    .boolean()
    .optional()
    .describe(
      'jpeg and webp: take the blocks of a file in that format for tiles as they are, where they lie exactly on them and ' +
        'nothing is done to their pixels; default true, or false with quality',
    ),
  bitDepth: z
    .union([z.literal(8), z.literal(16)])
    .default(8)
    .describe('bits of a sample; 16 for png: the values of uint16 sources as they are, or rescale mapped to 0..65535'),
  metatileSize: z
    .union([z.literal(1), z.literal(2), z.literal(4), z.literal(8), z.literal(16)])
    .default(8)
    .describe('a job is metatileSize x metatileSize tiles; changes no pixel'),
  output: z
    .string()
    .min(1)
    .describe(
      'a folder, a file: URL, or s3://bucket/prefix; one file if it ends in .pmtiles, or, in a folder, in .mbtiles',
    ),
  description: z.string().min(1).max(10_000).optional().describe('of the tileset, in its documents'),
  attribution: z
    .string()
    .min(1)
    .max(2_000)
    .optional()
    .describe('whom the imagery is owed to; maps show it, links as HTML'),
  publicUrl: z
    .string()
    .max(2_000)
    .regex(/^https?:\/\/[^/?#\s@]+(\/[^?#\s]*)?$/, 'an http or https URL without user, query and fragment')
    .optional()
    .describe(
      'where the output can be read by others, the URL of its folder or of its archive; links in the documents beside the ' +
        'tiles are absolute with it, else relative',
    ),
  keepVersions: z
    .int()
    .min(1)
    .max(1_000)
    .default(3)
    .describe(
      'versions of an archive that are kept, the newest included; older ones are deleted when a new one is published',
    ),
});

export type TilesetRequestInput = z.input<typeof TilesetRequestSchema>;
export type TilesetRequest = z.output<typeof TilesetRequestSchema>;
