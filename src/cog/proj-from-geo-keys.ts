/** GeoKeys by name, as OGC 19-008r4 calls them. */
export type GeoKeys = Readonly<Record<string, unknown>>;

/** Datums of the geographic codes that user-defined projections are mostly built on. */
const DATUM_BY_CODE: Readonly<Record<number, string>> = {
  4326: '+datum=WGS84',
  4269: '+datum=NAD83',
  4267: '+datum=NAD27',
  4258: '+ellps=GRS80 +towgs84=0,0,0,0,0,0,0',
  4283: '+ellps=GRS80 +towgs84=0,0,0,0,0,0,0',
  7844: '+ellps=GRS80 +towgs84=0,0,0,0,0,0,0',
};

const ELLIPSOID_BY_CODE: Readonly<Record<number, string>> = {
  7030: '+ellps=WGS84',
  7019: '+ellps=GRS80',
  7008: '+ellps=clrk66',
};

/** Metres in a unit of length, by EPSG code: metre, international foot, US survey foot. */
const METRES_BY_UNIT: Readonly<Record<number, number>> = { 9001: 1, 9002: 0.3048, 9003: 1200 / 3937 };

/** EPSG 9102, degree: the only unit in which angles are read. */
const DEGREE = 9102;

/**
 * Builds a proj string from user-defined GeoKeys, for the usual projections; null if something in them is not understood,
 * since a guessed CRS would put the pixels in a wrong place.
 */
export function projFromGeoKeys(keys: GeoKeys): string | null {
  const value = (...names: string[]): number => names.map((name) => numberOf(keys, name)).find((n) => n !== null) ?? 0;
  const datum = datumOf(keys);
  const angles = numberOf(keys, 'GeogAngularUnitsGeoKey') ?? DEGREE;
  if (datum === null || angles !== DEGREE) return null;
  if (keys['GTModelTypeGeoKey'] === 2) return `+proj=longlat ${datum} +no_defs`;
  const unit = numberOf(keys, 'ProjLinearUnitsGeoKey') ?? 9001;
  const metres = METRES_BY_UNIT[unit] ?? numberOf(keys, 'ProjLinearUnitSizeGeoKey');
  const projection = projectionOf(numberOf(keys, 'ProjCoordTransGeoKey'), value);
  if (metres === null || projection === null) return null;
  const x = value('ProjFalseEastingGeoKey', 'ProjFalseOriginEastingGeoKey', 'ProjCenterEastingGeoKey') * metres;
  const y = value('ProjFalseNorthingGeoKey', 'ProjFalseOriginNorthingGeoKey', 'ProjCenterNorthingGeoKey') * metres;
  return `${projection} +x_0=${x} +y_0=${y} ${datum} +to_meter=${metres} +no_defs`;
}

/** The coordinate transformation codes of the GeoTIFF standard, annex C (CT_*). */
function projectionOf(method: number | null, value: (...names: string[]) => number): string | null {
  const lon = value('ProjNatOriginLongGeoKey', 'ProjFalseOriginLongGeoKey', 'ProjCenterLongGeoKey');
  const lat = value('ProjNatOriginLatGeoKey', 'ProjFalseOriginLatGeoKey', 'ProjCenterLatGeoKey');
  const parallel1 = value('ProjStdParallel1GeoKey');
  const parallel2 = value('ProjStdParallel2GeoKey');
  const scale = value('ProjScaleAtNatOriginGeoKey', 'ProjScaleAtCenterGeoKey') || 1;
  switch (method) {
    case 1:
      return `+proj=tmerc +lat_0=${lat} +lon_0=${lon} +k=${scale}`;
    case 7:
      return parallel1 === 0 ? `+proj=merc +lon_0=${lon} +k=${scale}` : `+proj=merc +lon_0=${lon} +lat_ts=${parallel1}`;
    case 8:
      return `+proj=lcc +lat_1=${parallel1} +lat_2=${parallel2} +lat_0=${lat} +lon_0=${lon}`;
    case 9:
      return `+proj=lcc +lat_1=${lat} +lat_0=${lat} +lon_0=${lon} +k_0=${scale}`;
    case 10:
      return `+proj=laea +lat_0=${lat} +lon_0=${lon}`;
    case 11:
      return `+proj=aea +lat_1=${parallel1} +lat_2=${parallel2} +lat_0=${lat} +lon_0=${lon}`;
    case 15: {
      // The standard parallel is called the natural origin here; the pole is the one on its side.
      const pole = value('ProjStraightVertPoleLongGeoKey', 'ProjNatOriginLongGeoKey');
      return `+proj=stere +lat_0=${lat < 0 ? -90 : 90} +lat_ts=${lat} +lon_0=${pole} +k=${scale}`;
    }
    case 17:
      return `+proj=eqc +lat_ts=${parallel1} +lat_0=${lat} +lon_0=${lon}`;
    case 24:
      return `+proj=sinu +lon_0=${lon}`;
    default:
      return null;
  }
}

function datumOf(keys: GeoKeys): string | null {
  const known = DATUM_BY_CODE[numberOf(keys, 'GeographicTypeGeoKey') ?? 0];
  if (known !== undefined) return known;
  if ((numberOf(keys, 'GeogPrimeMeridianLongGeoKey') ?? 0) !== 0) return null;
  const a = numberOf(keys, 'GeogSemiMajorAxisGeoKey');
  const b = numberOf(keys, 'GeogSemiMinorAxisGeoKey');
  const inverse = numberOf(keys, 'GeogInvFlatteningGeoKey');
  if (a !== null && inverse !== null) return inverse === 0 ? `+R=${a}` : `+a=${a} +rf=${inverse}`;
  if (a !== null && b !== null) return a === b ? `+R=${a}` : `+a=${a} +b=${b}`;
  return ELLIPSOID_BY_CODE[numberOf(keys, 'GeogEllipsoidGeoKey') ?? 0] ?? null;
}

function numberOf(keys: GeoKeys, name: string): number | null {
  const value = keys[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
