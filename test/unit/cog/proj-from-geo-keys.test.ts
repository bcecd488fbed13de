import { describe, expect, test } from 'vitest';
import { crsFromGeoKeys, namesCrs, type GeoKeys } from '../../../src/cog/proj-from-geo-keys.ts';

const PROJECTED = { GTModelTypeGeoKey: 1, GeographicTypeGeoKey: 4326 };
const WGS84 = '+ellps=WGS84 +towgs84=0,0,0,0,0,0,0';
const TRANSVERSE = { ProjCoordTransGeoKey: 1, ProjNatOriginLongGeoKey: 9, ProjScaleAtNatOriginGeoKey: 0.9996 };

describe('user-defined keys', () => {
  test.each<[string, GeoKeys, string]>([
    [
      'Antarctic polar stereographic, as EPSG:3031',
      { ...PROJECTED, ProjCoordTransGeoKey: 15, ProjNatOriginLatGeoKey: -71, ProjStraightVertPoleLongGeoKey: 10 },
      `+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=10 +x_0=0 +y_0=0 ${WGS84} +to_meter=1 +no_defs`,
    ],
    [
      'Albers on NAD83, as EPSG:5070',
      {
        GTModelTypeGeoKey: 1,
        GeographicTypeGeoKey: 4269,
        ProjCoordTransGeoKey: 11,
        ProjStdParallel1GeoKey: 29.5,
        ProjStdParallel2GeoKey: 45.5,
        ProjNatOriginLatGeoKey: 23,
        ProjNatOriginLongGeoKey: -96,
      },
      `+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +x_0=0 +y_0=0 ${WGS84} +to_meter=1 +no_defs`,
    ],
    [
      'false eastings in the unit of the CRS',
      { ...PROJECTED, ...TRANSVERSE, ProjFalseEastingGeoKey: 1000, ProjLinearUnitsGeoKey: 9002 },
      `+proj=tmerc +lat_0=0 +lon_0=9 +k=0.9996 +x_0=304.8 +y_0=0 ${WGS84} +to_meter=0.3048 +no_defs`,
    ],
    [
      'a unit of its own',
      { ...PROJECTED, ...TRANSVERSE, ProjLinearUnitsGeoKey: 32767, ProjLinearUnitSizeGeoKey: 2 },
      `+proj=tmerc +lat_0=0 +lon_0=9 +k=0.9996 +x_0=0 +y_0=0 ${WGS84} +to_meter=2 +no_defs`,
    ],
    [
      'angles in grads',
      { ...PROJECTED, ...TRANSVERSE, ProjNatOriginLongGeoKey: 10, GeogAngularUnitsGeoKey: 9105 },
      `+proj=tmerc +lat_0=0 +lon_0=9 +k=0.9996 +x_0=0 +y_0=0 ${WGS84} +to_meter=1 +no_defs`,
    ],
    [
      'the conversion of a UTM zone, on ED50',
      { GTModelTypeGeoKey: 1, GeographicTypeGeoKey: 4230, ProjectionGeoKey: 16131 },
      '+proj=tmerc +lat_0=0 +lon_0=3 +k=0.9996 +x_0=500000 +y_0=10000000 +ellps=intl ' +
        '+towgs84=-87,-98,-121,0,0,0,0 +to_meter=1 +no_defs',
    ],
    [
      'an ellipsoid of its own',
      { GTModelTypeGeoKey: 2, GeogSemiMajorAxisGeoKey: 3_396_190, GeogSemiMinorAxisGeoKey: 3_396_190 },
      '+proj=longlat +R=3396190 +no_defs',
    ],
    [
      'another prime meridian, in degrees',
      {
        GTModelTypeGeoKey: 2,
        GeogPrimeMeridianLongGeoKey: 2.5,
        GeogSemiMajorAxisGeoKey: 6_378_000,
        GeogInvFlatteningGeoKey: 300,
      },
      '+proj=longlat +a=6378000 +rf=300 +pm=2.5 +no_defs',
    ],
    [
      'a prime meridian and an ellipsoid by their codes',
      { GTModelTypeGeoKey: 2, GeogPrimeMeridianGeoKey: 8909, GeogEllipsoidGeoKey: 7004 },
      '+proj=longlat +a=6377397.155 +rf=299.1528128 +pm=-17.666666666667 +no_defs',
    ],
    [
      'a datum by its code, and a shift of its own before that of the code',
      {
        GTModelTypeGeoKey: 2,
        GeogGeodeticDatumGeoKey: 6277,
        GeogEllipsoidGeoKey: 7001,
        GeogTOWGS84GeoKey: Float64Array.of(1, 2, 3),
      },
      '+proj=longlat +a=6377563.396 +rf=299.3249646 +towgs84=1,2,3 +no_defs',
    ],
    [
      'a datum by its name, as GDAL writes it',
      { GTModelTypeGeoKey: 2, GeogCitationGeoKey: 'GCS Name = mine|Datum = Amersfoort|Ellipsoid = Bessel 1841|' },
      '+proj=longlat +ellps=bessel +towgs84=565.4171,50.3319,465.5524,-0.398957,0.343988,-1.87740,4.0725 +no_defs',
    ],
  ])('%s', (_, keys, definition) => {
    expect(crsFromGeoKeys(keys)).toEqual({ kind: 'proj', definition });
  });

  test('the degrees of WGS 84 are EPSG:4326', () => {
    const keys = { GTModelTypeGeoKey: 2, GeogSemiMajorAxisGeoKey: 6_378_137, GeogInvFlatteningGeoKey: 298.257223563 };
    expect(crsFromGeoKeys(keys)).toEqual({ kind: 'epsg', code: 4326 });
  });

  test("Esri's WKT in a citation counts before the other keys", () => {
    const wkt = 'PROJCS["x",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137,298.257223563]]],';
    const rest = 'PROJECTION["Sinusoidal"],PARAMETER["Central_Meridian",7],UNIT["Meter",1]]';
    const keys = { ...PROJECTED, ...TRANSVERSE, PCSCitationGeoKey: `ESRI PE String = ${wkt}${rest}` };
    expect(crsFromGeoKeys(keys)).toMatchObject({ definition: expect.stringMatching(/^\+proj=sinu \+lon_0=7 /u) });
  });

  test.each<[string, GeoKeys, RegExp]>([
    ['a projection that is not read', { ...PROJECTED, ProjCoordTransGeoKey: 21 }, /number 21 of GeoTIFF's/u],
    ['a datum that is not known', { ...TRANSVERSE, GTModelTypeGeoKey: 1, GeographicTypeGeoKey: 9999 }, /EPSG:9999/u],
    ['a unit that is not known', { ...PROJECTED, ...TRANSVERSE, ProjLinearUnitsGeoKey: 9099 }, /9099/u],
    [
      'degrees that are grads',
      { GTModelTypeGeoKey: 2, GeographicTypeGeoKey: 4326, GeogAngularUnitsGeoKey: 9105 },
      /degree/u,
    ],
    ['a parameter of another method', { ...PROJECTED, ...TRANSVERSE, ProjAzimuthAngleGeoKey: 3 }, /azimuth of 3/u],
    [
      'a false origin of no number',
      {
        ...PROJECTED,
        ProjCoordTransGeoKey: 1,
        GeogTOWGS84GeoKey: [1],
        ProjLinearUnitSizeGeoKey: -1,
        ProjLinearUnitsGeoKey: 32767,
      },
      /unit/u,
    ],
  ])('refuses %s', (_, keys, message) => {
    expect(() => crsFromGeoKeys(keys)).toThrow(
      expect.objectContaining({ code: 'ASSET_UNSUPPORTED', message: expect.stringMatching(message) }),
    );
  });
});

test.each<[boolean, GeoKeys]>([
  [false, {}],
  [false, { GTModelTypeGeoKey: 1, GTRasterTypeGeoKey: 1, GTCitationGeoKey: 'unknown' }],
  [false, { GeographicTypeGeoKey: 0 }],
  [true, { GeographicTypeGeoKey: 32767 }],
  [true, { ProjCoordTransGeoKey: 1 }],
])('names a CRS: %s for %o', (expected, keys) => {
  expect(namesCrs(keys)).toBe(expected);
});
