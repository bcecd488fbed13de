import type { MultiPolygon, Polygon, Position } from 'geojson';
import { splitAtAntimeridian } from '../../src/geo/bbox.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { normalisePolygon } from '../../src/geo/polygon.ts';
import { ringArea } from '../../src/geo/ring.ts';
import { countCover } from '../../src/tms/cover-counts.ts';
import { createCover } from '../../src/tms/cover.ts';
import type { CoverArea } from '../../src/tms/cover.ts';
import { MAX_LATITUDE } from '../../src/tms/web-mercator-quad.ts';
import { sourceProblems } from './request-crs.ts';
import { problem } from './request-problem.ts';
import type { Problem } from './request-problem.ts';
import type { TilesetRequest } from './request-schema.ts';

/** The fields of a request that are right by themselves. */
export type CheckedFields = { readonly [Name in keyof TilesetRequest]?: TilesetRequest[Name] | undefined };

/** What is wrong between fields, or beyond what a JSON Schema can say. */
export function crossProblems(fields: CheckedFields): readonly Problem[] {
  return [
    ...zoomProblems(fields),
    ...antialiasProblems(fields),
    ...areaProblems(fields.area),
    ...assetProblems(fields.assets ?? []),
    ...rescaleProblems(fields),
    ...pixelSelectionProblems(fields),
    ...sourceProblems(fields),
    ...formatProblems(fields),
    ...colormapProblems(fields),
    ...urlProblems(fields.mosaic?.url),
    ...outputProblems(fields.output),
  ];
}

function antialiasProblems({ antialias, resampling = 'nearest' }: CheckedFields): readonly Problem[] {
  if (antialias !== true || resampling === 'bilinear' || resampling === 'cubic') return [];
  return [problem('antialias', antialias, `false with ${resampling}: only bilinear and cubic leave source pixels out`)];
}

function zoomProblems({ minzoom, maxzoom }: CheckedFields): readonly Problem[] {
  return minzoom !== undefined && maxzoom !== undefined && minzoom > maxzoom
    ? [problem('minzoom', minzoom, `at most maxzoom, which is ${maxzoom}`)]
    : [];
}

function assetProblems(assets: readonly string[]): readonly Problem[] {
  return assets.flatMap((key, i) =>
    assets.indexOf(key) < i
      ? [problem(`assets[${i}]`, key, `each asset key once; it is assets[${assets.indexOf(key)}] too`)]
      : [],
  );
}

/** Bands of a mosaic, known before a file is opened; null = not known. */
function mosaicBands({ assets, bidx, pixelSelection }: CheckedFields): number | null {
  if (pixelSelection === 'count') return 1;
  if (assets === undefined || bidx === undefined) return null;
  return assets.length * bidx.length - (isLastBand(pixelSelection) ? 1 : 0);
}

function isLastBand(pixelSelection: CheckedFields['pixelSelection']): boolean {
  return pixelSelection === 'lastBandHigh' || pixelSelection === 'lastBandLow';
}

function pixelSelectionProblems(fields: CheckedFields): readonly Problem[] {
  const { pixelSelection = 'first', bandRule } = fields;
  if (isLastBand(pixelSelection) && mosaicBands(fields) === 0) {
    return [problem('pixelSelection', pixelSelection, '2 bands or more: the last one decides and is dropped')];
  }
  const isWhole = pixelSelection === 'first' || isLastBand(pixelSelection);
  return isWhole && bandRule === 'band'
    ? [problem('bandRule', bandRule, `"pixel": ${pixelSelection} takes all bands of a pixel from one scene`)]
    : [];
}

function rescaleProblems(fields: CheckedFields): readonly Problem[] {
  const { rescale = [], assets, bidx } = fields;
  const problems = rescale.flatMap((pair, i) =>
    pair[0] === pair[1] ? [problem(`rescale[${i}]`, pair, 'two different numbers, [from, to]')] : [],
  );
  const bands = mosaicBands(fields);
  if (bands !== null && rescale.length > 1 && rescale.length !== bands) {
    const expected =
      fields.pixelSelection === 'count'
        ? '1 pair: count gives one band'
        : `1 pair for all bands, or ${bands}: ${assets?.length} assets of ${bidx?.length} bands` +
          (isLastBand(fields.pixelSelection) ? ', without the last' : '');
    problems.push({ path: 'rescale', text: `found ${rescale.length} pairs, expected ${expected}` });
  }
  return problems;
}

const LOSSY: readonly TilesetRequest['format'][] = ['jpeg', 'webp', 'avif'];

function formatProblems({
  format = 'png',
  quality,
  lossless,
  passThrough,
  bitDepth,
}: CheckedFields): readonly Problem[] {
  const problems: Problem[] = [];
  if (quality !== undefined && !LOSSY.includes(format)) {
    problems.push(
      problem('quality', quality, `none: ${format} keeps every value; or "format": "jpeg", "webp" or "avif"`),
    );
  }
  if (lossless === true && format === 'png') {
    problems.push(problem('lossless', lossless, 'none: png keeps every value anyway'));
  }
  if (lossless === true && format === 'jpeg') {
    problems.push(problem('lossless', lossless, 'none: jpeg never is; or "format": "png", "webp" or "avif"'));
  }
  if (lossless === true && quality !== undefined && LOSSY.includes(format) && format !== 'jpeg') {
    problems.push(problem('quality', quality, 'none: with "lossless" every value is kept'));
  }
  if (passThrough === true && format !== 'jpeg' && format !== 'webp') {
    problems.push(
      problem('passThrough', passThrough, `none: no block of a file is ${format}; or "format": "jpeg" or "webp"`),
    );
  }
  if (bitDepth === 16 && format !== 'png') {
    problems.push(problem('bitDepth', bitDepth, `8: ${format} has no more; or "format": "png"`));
  }
  return problems;
}

/** The most colours that a request may give: those of all values of 16 bits. */
const MAX_COLOURS = 65_536;

function colormapProblems(fields: CheckedFields): readonly Problem[] {
  const { colormap, rescale, bitDepth } = fields;
  if (colormap === undefined || colormap === 'none') return [];
  const problems: Problem[] = [];
  if (colormap === 'source' && rescale !== undefined) {
    problems.push(problem('colormap', colormap, 'none with rescale: a palette is for the values as they are'));
  }
  if (bitDepth === 16)
    problems.push({ path: 'bitDepth', text: 'found 16, expected 8: colours of a colormap have no more' });
  if (colormap === 'source') return problems;
  const count = Object.keys(colormap).length;
  if (count === 0 || count > MAX_COLOURS) {
    problems.push({ path: 'colormap', text: `found ${count} colours, expected 1 to ${MAX_COLOURS}` });
  }
  const bands = mosaicBands(fields);
  if (bands !== null && bands !== 1) {
    problems.push({
      path: 'colormap',
      text: `found ${bands} bands to colour, expected 1: one asset, and one band in bidx`,
    });
  }
  return problems;
}

function urlProblems(url: string | undefined): readonly Problem[] {
  const { username, password } = url === undefined ? { username: '', password: '' } : new URL(url);
  return username === '' && password === ''
    ? []
    : [
        {
          path: 'mosaic.url',
          text: 'found a user name or password in it, expected none: requests are kept and logged',
        },
      ];
}

/** A bucket and a prefix, if any: letters, digits, dots and hyphens as S3 allows them in the name of a bucket. */
const S3_URL = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[^?#]*)?$/;

const FILE_URL = /^file:\/\/(localhost)?\/[^?#]+$/;

const OUTPUT_FORMS = 'a folder, a file: URL, or s3://bucket/prefix, or one that ends in .pmtiles';

const BUCKET_ARCHIVE = 'one that ends in .pmtiles: .mbtiles are for folders, as SQLite cannot write to a bucket';

function outputProblems(output: string | undefined): readonly Problem[] {
  if (output === undefined) {
    return [];
  }
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(output)?.[1]?.toLowerCase();
  const isUsable =
    scheme === undefined || (scheme === 's3' ? S3_URL.test(output) : scheme === 'file' && FILE_URL.test(output));
  if (!isUsable || output.includes('\0')) return [problem('output', output, OUTPUT_FORMS)];
  return scheme === 's3' && /\.mbtiles\/*$/i.test(output) ? [problem('output', output, BUCKET_ARCHIVE)] : [];
}

function areaProblems(area: TilesetRequest['area'] | undefined): readonly Problem[] {
  if (area === undefined || 'file' in area) {
    return [];
  }
  return 'bbox' in area ? bboxProblems(area.bbox) : geometryProblems(area.geometry, 'area.geometry');
}

function bboxProblems(bbox: Bbox): readonly Problem[] {
  const [west, south, east, north] = bbox;
  const problems: Problem[] = [];
  if (west === east || splitAtAntimeridian(bbox).length === 0) {
    problems.push(problem('area.bbox', bbox, `an area: west is ${west} and east is ${east}, the same meridian`));
  }
  if (south >= north) {
    problems.push(problem('area.bbox', bbox, `south less than north; they are ${south} and ${north}`));
  }
  return problems.length > 0 ? problems : gridProblems({ kind: 'bbox', bbox }, 'area.bbox', bbox);
}

/** What is wrong with a polygon that a user gave: positions, rings, area. `path` is where it stands; may be empty. */
export function geometryProblems(geometry: Polygon | MultiPolygon, path: string): readonly Problem[] {
  const polygons = geometry.type === 'Polygon' ? [geometry.coordinates] : geometry.coordinates;
  const problems = polygons.flatMap((rings, i) =>
    rings.flatMap((ring, j) => {
      const indices = geometry.type === 'Polygon' ? `[${j}]` : `[${i}][${j}]`;
      return ringProblems(ring, `${path === '' ? '' : `${path}.`}coordinates${indices}`, j === 0);
    }),
  );
  return problems.length > 0
    ? problems
    : gridProblems({ kind: 'polygon', polygon: normalisePolygon(geometry) }, path, geometry.type);
}

/** Rings may run over the antimeridian into the next turn, as 170 to 190, but not further. */
const MAX_LONGITUDE = 540;

function ringProblems(ring: readonly Position[], path: string, isOuter: boolean): readonly Problem[] {
  const far = ring.findIndex(([lng = 0, lat = 0]) => Math.abs(lng) > MAX_LONGITUDE || Math.abs(lat) > 90);
  if (far !== -1) {
    return [problem(`${path}[${far}]`, ring[far], '[longitude, latitude] in degrees')];
  }
  const [first = [], last = []] = [ring[0], ring.at(-1)];
  if (first[0] !== last[0] || first[1] !== last[1]) {
    return [
      problem(`${path}[${ring.length - 1}]`, last, `the first position again, ${JSON.stringify(first)}: a closed ring`),
    ];
  }
  const jump = ring.findIndex(([lng = 0], i) => {
    const step = Math.abs(lng - (ring[i - 1]?.[0] ?? lng));
    return step > 180 && step < 360;
  });
  if (jump !== -1) {
    const [from, to] = [ring[jump - 1]?.[0], ring[jump]?.[0]];
    const ways = 'longitudes beyond 180 to go over the antimeridian, or a position in between to go the long way round';
    return [{ path: `${path}[${jump}]`, text: `found an edge from longitude ${from} to ${to}, expected ${ways}` }];
  }
  // A hole without area takes nothing away.
  return isOuter && ringArea(ring) === 0
    ? [{ path, text: 'found a ring without area, expected one that encloses some' }]
    : [];
}

function gridProblems(area: CoverArea, path: string, value: unknown): readonly Problem[] {
  const counts = countCover(createCover({ area, minzoom: 0, maxzoom: 0, metatileSize: 1 }));
  const limit = MAX_LATITUDE.toFixed(4);
  return counts.tiles > 0
    ? []
    : [problem(path, value, `an area that reaches into latitudes -${limit} to ${limit}, where WebMercatorQuad ends`)];
}
