import { describe, expect, test } from 'vitest';
import { parseCrs } from '../../src/geo/parse-crs.ts';
import { crsError, readCrsRows, type CrsRow } from '../support/crs-points.ts';

const rows = readCrsRows('crs-definitions.json.gz');

/** Metres. */
const TOLERANCE = 1e-3;

/** What proj4 loses on the way back, in its inverse series and in turning a shift round; tiles are made on the way there. */
const BACK = 2e-3;

/**
 * Datums between which several shifts are published, or one by a grid: PROJ chooses by place and accuracy, and here it is
 * the one of proj4-list. Metres.
 */
const BY_DATUM: Readonly<Record<string, number>> = {
  'EPSG:4277': 0.01,
  'EPSG:27700': 0.01,
  'British grid by its datum': 0.01,
  'EPSG:5514': 0.1,
  'EPSG:21781': 0.1,
  'EPSG:29902': 0.1,
  'EPSG:31467': 1,
  'EPSG:3979': 2,
  'EPSG:26711': 2,
  'EPSG:27200': 5,
  'EPSG:2039': 10,
  'EPSG:3844': 40,
};

/** What is refused, by name: null = all forms. */
const REFUSED: Readonly<Record<string, readonly string[] | null>> = {
  // Axes to the south and west.
  'EPSG:5513': null,
  'EPSG:2048': ['wkt2-2019', 'wkt2-2015', 'wkt2-simple', 'wkt1-gdal', 'wkt1-esri', 'projjson', 'proj'],
  // Grads.
  'EPSG:4807': ['epsg', 'wkt2-2019', 'wkt2-2015', 'wkt2-simple', 'wkt1-gdal', 'wkt1-esri', 'projjson'],
  // Computed in two ways by PROJ.
  'EPSG:4087': null,
  'equidistant cylindrical': null,
  // proj4-list does not have it.
  'EPSG:8857': ['epsg'],
  // Projections of Esri's alone.
  'EPSG:3375': ['wkt1-esri'],
  'oblique Mercator A': ['wkt1-esri'],
  'EPSG:6933': ['wkt1-esri'],
  'cylindrical equal area': ['wkt1-esri'],
  // proj4 leaves the false origin out.
  'Krovak with a false origin': null,
  // proj4 is not exact, or does not have it.
  Robinson: null,
  orthographic: null,
  geostationary: null,
  'rotated pole': null,
};

function isRefused({ name, form }: CrsRow): boolean {
  const forms = REFUSED[name];
  return forms === null || (forms?.includes(form) ?? false);
}

/** PROJJSON comes as an object from STAC items and requests. */
function valueOf({ form, text }: CrsRow): unknown {
  return form === 'projjson' ? JSON.parse(text) : text;
}

const named = rows.map((row) => [`${row.name} as ${row.form}`, row] as const);

describe('agrees with PROJ, to a millimetre beyond datum shifts', () => {
  test.each(named.filter(([, row]) => !isRefused(row)))('%s', (_, row) => {
    const { there, back } = crsError(parseCrs(valueOf(row)), row);
    expect(there).toBeLessThan(BY_DATUM[row.name] ?? TOLERANCE);
    expect(back).toBeLessThan(BACK);
  });
});

describe('refuses what is not computed as PROJ does', () => {
  test.each(named.filter(([, row]) => isRefused(row)))('%s', (_, row) => {
    expect(() => parseCrs(valueOf(row))).toThrow(expect.objectContaining({ code: 'ASSET_UNSUPPORTED' }));
  });
});
