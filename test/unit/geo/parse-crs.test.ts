import { describe, expect, test } from 'vitest';
import { parseCrs } from '../../../src/geo/parse-crs.ts';
import { statedCrs } from '../../../src/geo/stated-crs.ts';

/** Lists what is expected of a value that is not read: an error of the one kind that there is. */
function refused(message: RegExp) {
  return expect.objectContaining({ code: 'ASSET_UNSUPPORTED', message: expect.stringMatching(message) });
}

const DEGREES = 'ANGLEUNIT["degree",0.0174532925199433]';
const BASE =
  `BASEGEOGCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],` +
  `PRIMEM["Greenwich",0],ID["EPSG",4326]]`;

function projected(method: string, parameters: string, axes = 'AXIS["E",east],AXIS["N",north]'): string {
  const conversion = `CONVERSION["c",METHOD["${method}"],${parameters}]`;
  return `PROJCRS["p",${BASE},${conversion},CS[Cartesian,2],${axes},LENGTHUNIT["metre",1]]`;
}

const TRANSVERSE = `PARAMETER["Longitude of natural origin",9,${DEGREES}]`;

describe('codes', () => {
  test.each([
    ['EPSG:32633', 32633],
    ['epsg:3857', 3857],
    [' EPSG:4326 ', 4326],
    ['urn:ogc:def:crs:EPSG::32633', 32633],
    ['urn:ogc:def:crs:EPSG:9.8:3035', 3035],
    ['http://www.opengis.net/def/crs/EPSG/0/3035', 3035],
    ['OGC:CRS84', 4326],
    ['http://www.opengis.net/def/crs/OGC/1.3/CRS84', 4326],
    ['+init=epsg:2154', 2154],
    [32_733, 32_733],
  ])('%s', (value, code) => {
    expect(parseCrs(value)).toEqual({ kind: 'epsg', code });
  });

  test.each([
    ['EPSG:999999', /no definition of EPSG:999999 is known; write it as WKT, PROJJSON or a proj string/],
    ['ESRI:54009', /found "ESRI:54009", expected a code such as EPSG:32633/],
    ['OGC:CRS83', /OGC:CRS83 is not known/],
    [0, /EPSG:0/],
    [-4326, /EPSG:-4326/],
    [4326.5, /EPSG:4326.5/],
    [Number.NaN, /EPSG:NaN/],
  ])('refuses %s', (value, message) => {
    expect(() => parseCrs(value)).toThrow(refused(message));
  });
});

describe('WKT', () => {
  test('degrees are longitude and latitude whatever their order, and EPSG:4326 if on WGS 84', () => {
    const axes = `CS[ellipsoidal,2],AXIS["latitude",north],AXIS["longitude",east],${DEGREES}`;
    const wkt = `GEOGCRS["x",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563]],${axes}]`;
    expect(parseCrs(wkt)).toEqual({ kind: 'epsg', code: 4326 });
  });

  test('of a compound the horizontal part counts', () => {
    const wkt = `COMPOUNDCRS["c",${projected('Transverse Mercator', TRANSVERSE)},VERTCRS["h",VDATUM["d"]]]`;
    expect(parseCrs(wkt)).toEqual(parseCrs(projected('Transverse Mercator', TRANSVERSE)));
  });

  test('with round brackets, escaped quotes and lower case', () => {
    const wkt = projected('Transverse Mercator', TRANSVERSE).replaceAll('[', '(').replaceAll(']', ')');
    expect(parseCrs(wkt.replace('"p"', '"a ""b"" c"').replace('PROJCRS', 'projcrs'))).toMatchObject({ kind: 'proj' });
  });

  test("GDAL's extension with a proj string counts, so that its WKT of EPSG:3857 is that", () => {
    const proj =
      '+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +x_0=0 +y_0=0 +k=1 +units=m +nadgrids=@null +wktext';
    expect(parseCrs(`PROJCS["m",GEOGCS["g"],PROJECTION["Mercator_1SP"],EXTENSION["PROJ4","${proj}"]]`)).toEqual({
      kind: 'epsg',
      code: 3857,
    });
  });

  test.each<[string, string, RegExp]>([
    ['an open end', 'PROJCRS["p",BASEGEOGCRS["x"', /does not end properly/],
    ['too much depth', `${'A['.repeat(100)}1${']'.repeat(100)}`, /nested more than 32 deep/],
    ['too long a text', `PROJCRS["${'p'.repeat(70_000)}"]`, /70011 characters/],
    ['another kind of system', 'VERTCRS["h",VDATUM["d"]]', /it is a VERTCRS/],
    ['no datum', 'GEOGCRS["x",CS[ellipsoidal,2]]', /has no DATUM/],
    ['a geocentric system', 'GEODCRS["x",DATUM["d"],CS[Cartesian,3]]', /coordinates are Cartesian/],
    ['no number', projected('Transverse Mercator', 'PARAMETER["Longitude of natural origin","x"]'), /is no number/],
    ['a method that is not read', projected('Bonne', TRANSVERSE), /projection 'Bonne'/],
    ['a parameter that is not read', projected('Transverse Mercator', 'PARAMETER["Height",5]'), /'Height' of 5/],
    ['a parameter of others', projected('Transverse Mercator', 'PARAMETER["Azimuth",5]'), /azimuth of 5/],
    [
      'axes to the west',
      projected('Transverse Mercator', TRANSVERSE, 'AXIS["W",west],AXIS["S",south]'),
      /west and south/,
    ],
    ['an unknown datum', 'GEOGCRS["x",DATUM["Old",ELLIPSOID["e",6377000,300]]]', /'Old', whose shift/],
    ['an impossible ellipsoid', 'GEOGCRS["x",DATUM["unknown",ELLIPSOID["e",-1,300]]]', /ellipsoid of -1 m/],
    ['a unit of nothing', 'GEOGCRS["x",DATUM["unknown",ELLIPSOID["e",1,300,LENGTHUNIT["none",0]]]]', /'none' is 0/],
    ['nothing', '', /found ""/],
    ['a text', 'somewhere in Europe', /expected a code/],
    ['members of Object.prototype', projected('constructor', TRANSVERSE), /'constructor'/],
    ['parameters like that', projected('Transverse Mercator', 'PARAMETER["toString",5]'), /'toString' of 5/],
  ])('refuses %s', (_, wkt, message) => {
    expect(() => parseCrs(wkt)).toThrow(refused(message));
  });
});

describe('PROJJSON', () => {
  const base = {
    type: 'GeographicCRS',
    name: 'x',
    datum: { name: 'unknown', ellipsoid: { name: 'e', semi_major_axis: 6_377_000, semi_minor_axis: 6_356_000 } },
  };
  const conversion = {
    name: 'c',
    method: { name: 'Sinusoidal' },
    parameters: [{ name: 'Longitude of natural origin', value: 10, unit: 'degree' }],
  };

  test('as an object and as text', () => {
    const json = { type: 'ProjectedCRS', name: 'p', base_crs: base, conversion };
    const expected = {
      kind: 'proj',
      definition: expect.stringMatching(/^\+proj=sinu \+lon_0=10 \+x_0=0 \+y_0=0 \+a=6377000 \+rf=303\.66/u),
    };
    expect(parseCrs(json)).toEqual(expected);
    expect(parseCrs(JSON.stringify(json))).toEqual(expected);
  });

  test.each<[string, unknown, RegExp]>([
    ['an empty object', {}, /no PROJJSON/],
    ['an array', [], /no PROJJSON/],
    ['null', null, /no PROJJSON/],
    ['nothing', undefined, /no PROJJSON/],
    ['true', true, /no PROJJSON/],
    ['another kind', { type: 'VerticalCRS' }, /it is a VerticalCRS/],
    ['no base', { type: 'ProjectedCRS', conversion }, /no PROJJSON/],
    ['no method', { type: 'ProjectedCRS', base_crs: base, conversion: {} }, /without a method/],
    ['no datum', { ...base, datum: 5 }, /no datum/],
    ['no number', { ...base, datum: { ellipsoid: { semi_major_axis: '1' } } }, /lacks a number/],
    ['a unit of another kind', { ...base, datum: { ellipsoid: { radius: { value: 1, unit: 'mile' } } } }, /unit/],
    [
      'a long list',
      { ...base, coordinate_system: { axis: Array.from({ length: 100 }, () => ({})) } },
      /list of 100, read are up to 64/,
    ],
    ['text that is no JSON', '{"type": ', /is no JSON/],
    ['a long text', `{"type":"${'x'.repeat(70_000)}"}`, /70011 characters/],
  ])('refuses %s', (_, json, message) => {
    expect(() => parseCrs(json)).toThrow(refused(message));
  });

  test('refuses what is nested too deeply, however deep', () => {
    let json: object = base;
    for (let depth = 0; depth < 20_000; depth++) json = { type: 'CompoundCRS', components: [json] };
    expect(() => parseCrs(json)).toThrow(refused(/nested too deeply/));
  });
});

describe('proj strings', () => {
  test.each([
    ['+proj=longlat +datum=WGS84 +no_defs', 4326],
    ['proj=latlong ellps=WGS84 type=crs', 4326],
    ['+proj=merc +a=6378137 +b=6378137 +units=m +nadgrids=@null +wktext +no_defs', 3857],
  ])('%s is a code', (text, code) => {
    expect(parseCrs(text)).toEqual({ kind: 'epsg', code });
  });

  test('what is left out gets the value that PROJ gives it', () => {
    expect(parseCrs('+proj=laea +lat_0=10 +units=km')).toEqual({
      kind: 'proj',
      definition: '+proj=laea +lat_0=10 +to_meter=1000 +lon_0=0 +x_0=0 +y_0=0 +datum=WGS84 +no_defs',
    });
  });

  test.each([
    ['+proj=nonsense', /projection is 'nonsense'/],
    ['+proj=robin +datum=WGS84', /projection is 'robin'/],
    ['+proj=utm +datum=WGS84', /zone/],
    ['+proj=utm +zone=61', /zone/],
    ['+proj=tmerc +lon_0=9E', /'\+lon_0=9E'/],
    ['+proj=tmerc +R=-1', /'\+R=-1'/],
    ['+proj=lcc +lon_0=3', /no lat_1/],
    ['+proj=tmerc +ellps=mine', /'\+ellps=mine'/],
    ['+proj=tmerc +datum=mine', /'\+datum=mine'/],
    ['+proj=tmerc +units=parsec', /'\+units=parsec'/],
    ['+proj=tmerc +nadgrids=conus', /'\+nadgrids=conus'/],
    ['+proj=tmerc +towgs84=1,2', /'\+towgs84=1,2'/],
    ['+proj=tmerc +axis=wsu', /'\+axis=wsu'/],
    ['+proj=tmerc +toString', /'\+toString'/],
    ['+proj=tmerc +k=', /'\+k='/],
    ['+proj=pipeline +step +proj=utm', /pipeline/],
    ['+proj=eqc +datum=WGS84', /on a sphere/],
    ['+proj=aea +lat_1=20 +lat_2=-20', /both sides/],
    [`+proj=tmerc +title=${'x'.repeat(3000)}`, /characters/],
  ])('refuses %s', (text, message) => {
    expect(() => parseCrs(text)).toThrow(refused(message));
  });
});

test('statedCrs gives the reason as a value', () => {
  expect(statedCrs('EPSG:32633')).toEqual({ kind: 'epsg', code: 32633 });
  expect(statedCrs('nowhere')).toEqual({ kind: 'unreadable', problem: expect.stringContaining('found "nowhere"') });
});
