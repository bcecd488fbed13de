import { expect, test } from 'vitest';
import { projFromGeoKeys, type GeoKeys } from '../../../src/cog/proj-from-geo-keys.ts';

const PROJECTED = { GTModelTypeGeoKey: 1, GeographicTypeGeoKey: 4326 };

test.each<[string, GeoKeys, string | null]>([
  [
    'Antarctic polar stereographic, as EPSG:3031',
    { ...PROJECTED, ProjCoordTransGeoKey: 15, ProjNatOriginLatGeoKey: -71, ProjStraightVertPoleLongGeoKey: 0 },
    '+proj=stere +lat_0=-90 +lat_ts=-71 +lon_0=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +to_meter=1 +no_defs',
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
    '+proj=aea +lat_1=29.5 +lat_2=45.5 +lat_0=23 +lon_0=-96 +x_0=0 +y_0=0 +datum=NAD83 +to_meter=1 +no_defs',
  ],
  [
    'false eastings in the unit of the CRS',
    {
      ...PROJECTED,
      ProjCoordTransGeoKey: 1,
      ProjNatOriginLongGeoKey: 9,
      ProjScaleAtNatOriginGeoKey: 0.9996,
      ProjFalseEastingGeoKey: 1000,
      ProjLinearUnitsGeoKey: 9002,
    },
    '+proj=tmerc +lat_0=0 +lon_0=9 +k=0.9996 +x_0=304.8 +y_0=0 +datum=WGS84 +to_meter=0.3048 +no_defs',
  ],
  [
    'an ellipsoid of its own',
    { GTModelTypeGeoKey: 2, GeogSemiMajorAxisGeoKey: 3_396_190, GeogSemiMinorAxisGeoKey: 3_396_190 },
    '+proj=longlat +R=3396190 +no_defs',
  ],
  ['a projection that is not known', { ...PROJECTED, ProjCoordTransGeoKey: 26 }, null],
  ['a datum that is not known', { GTModelTypeGeoKey: 1, GeographicTypeGeoKey: 4801, ProjCoordTransGeoKey: 1 }, null],
  [
    'another prime meridian',
    {
      GTModelTypeGeoKey: 2,
      GeogPrimeMeridianLongGeoKey: 2.33,
      GeogSemiMajorAxisGeoKey: 1,
      GeogInvFlatteningGeoKey: 300,
    },
    null,
  ],
  ['angles in grads', { ...PROJECTED, GeogAngularUnitsGeoKey: 9105, ProjCoordTransGeoKey: 1 }, null],
  ['a unit that is not known', { ...PROJECTED, ProjLinearUnitsGeoKey: 32767, ProjCoordTransGeoKey: 1 }, null],
])('%s', (_, keys, definition) => {
  expect(projFromGeoKeys(keys)).toBe(definition);
});
