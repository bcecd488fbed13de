import type { NamedCrs } from './crs.ts';
import { unreadableCrs } from './crs-problem.ts';
import { isDegreesCode, isWebMercatorCode, projDefinition } from './epsg.ts';

/** Longer ones are no CRS; the longest of EPSG's has 270 characters. */
const MAX_LENGTH = 2048;

/** Projections in which proj4 agrees with PROJ to a millimetre; the others of its projections are not offered. */
const PROJECTIONS = new Set(
  'longlat utm tmerc etmerc merc lcc aea laea stere sterea omerc somerc sinu eqc krovak cass poly nzmg cea aeqd eqdc moll eqearth'.split(
    ' ',
  ),
);

/** What is a number, and is passed on as it is. */
const NUMBERS = new Set('lat_0 lon_0 lat_1 lat_2 lat_ts lonc alpha gamma k k_0 x_0 y_0 a b rf R to_meter'.split(' '));

/** Of the numbers, those that are more than 0. */
const SIZES = new Set('k k_0 a b rf R to_meter'.split(' '));

/** What says nothing about where things lie in the plane. */
const IGNORED = new Set('no_defs type wktext title over geoidgrids vunits vto_meter geoid_crs'.split(' '));

/** Ellipsoids that proj4 has under PROJ's names. One that it does not know, it would take for WGS 84. */
const ELLIPSOIDS = new Set(
  (
    'MERIT SGS85 GRS80 IAU76 airy APL4 NWL9D mod_airy andrae aust_SA GRS67 bessel bess_nam clrk66 clrk80ign clrk58 CPM ' +
    'delmbr engelis evrst30 evrst48 evrst56 evrst69 evrstSS fschr60 fschr60m fschr68 helmert hough intl kaula lerch mprts ' +
    'new_intl plessis krass SEasia walbeck WGS60 WGS66 WGS84 sphere'
  ).split(' '),
);

/** PROJ's datums, as parts that proj4 takes as PROJ does without grids. */
const DATUMS: Readonly<Record<string, string>> = {
  WGS84: '+datum=WGS84',
  NAD83: '+datum=NAD83',
  NAD27: '+ellps=clrk66 +towgs84=-8,160,176,0,0,0,0',
  GGRS87: '+ellps=GRS80 +towgs84=-199.87,74.79,246.62',
  potsdam: '+ellps=bessel +towgs84=598.1,73.7,418.2,0.202,0.045,-2.455,6.7',
  carthage: '+ellps=clrk80ign +towgs84=-263.0,6.0,431.0',
  hermannskogel: '+ellps=bessel +towgs84=577.326,90.129,463.919,5.137,1.474,5.297,2.4232',
  ire65: '+ellps=mod_airy +towgs84=482.530,-130.596,564.557,-1.042,-0.214,-0.631,8.15',
  nzgd49: '+ellps=intl +towgs84=59.47,-5.04,187.44,0.47,-0.1,1.024,-4.5993',
  OSGB36: '+ellps=airy +towgs84=446.448,-125.157,542.060,0.1502,0.2470,0.8421,-20.4894',
};

/** Metres in PROJ's units of length. */
const UNITS: Readonly<Record<string, number>> = {
  m: 1,
  km: 1000,
  dm: 0.1,
  cm: 0.01,
  mm: 0.001,
  ft: 0.3048,
  'us-ft': 1200 / 3937,
  yd: 0.9144,
};

/** PROJ's prime meridians, degrees east of Greenwich. */
const MERIDIANS: Readonly<Record<string, number>> = {
  greenwich: 0,
  lisbon: -9.131906111111,
  paris: 2.337229166667,
  bogota: -74.080916666667,
  madrid: -3.687938888889,
  rome: 12.452333333333,
  bern: 7.439583333333,
  jakarta: 106.807719444444,
  ferro: -17.666666666667,
  brussels: 4.367975,
  stockholm: 18.058277777778,
  athens: 23.7163375,
  oslo: 10.722916666667,
};

/**
 * The CRS of a proj string: `+proj=…`, or `+init=epsg:N`. Every part is checked, as proj4 passes over what it does not
 * know; values are decimal numbers. What amounts to EPSG:4326 becomes that.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` for a part that is not read, or a projection in which proj4 is not exact
 */
export function crsOfProjString(text: string): NamedCrs {
  if (text.length > MAX_LENGTH)
    throw unreadableCrs(`its proj string has ${text.length} characters, read are up to ${MAX_LENGTH}`);
  const parts = new Map<string, string | null>();
  for (const part of text.trim().split(/\s+/u)) {
    const [, name = '', value] = /^\+?([A-Za-z_0-9]+)(?:=(\S*))?$/u.exec(part) ?? [];
    if (name === '') throw unreadableCrs(`its proj string has the part '${part.slice(0, 80)}'`);
    // The first of several counts, as in PROJ.
    if (!parts.has(name)) parts.set(name, value ?? null);
  }
  const code = /^epsg:(\d{4,6})$/iu.exec(parts.get('init') ?? '')?.[1];
  if (code !== undefined) return { kind: 'epsg', code: Number(code) };
  checkProjection(parts);
  const definition = [...parts].map(([name, value]) => partOf(name, value)).filter((part) => part !== '');
  definition.push(...defaultsOf(parts));
  if (!definition.some((part) => /\+(ellps|datum|a|R|towgs84)=/u.test(part))) definition.push('+datum=WGS84');
  return shortened(definition);
}

function checkProjection(parts: ReadonlyMap<string, string | null>): void {
  const name = projectionName(parts.get('proj') ?? '');
  if (!PROJECTIONS.has(name)) {
    throw unreadableCrs(`its projection is '${name.slice(0, 40)}', read are ${[...PROJECTIONS].join(', ')}`);
  }
  if (name === 'eqc' && !parts.has('R'))
    throw unreadableCrs('its equidistant cylindrical projection is read on a sphere (+R) only');
  if (name === 'krovak' && (Number(parts.get('x_0') ?? 0) !== 0 || Number(parts.get('y_0') ?? 0) !== 0)) {
    throw unreadableCrs('its Krovak projection has a false origin');
  }
  if (name === 'krovak' && parts.get('ellps') !== 'bessel')
    throw unreadableCrs("its Krovak projection is not on Bessel's ellipsoid");
  if (name === 'lcc' && !parts.has('lat_1')) throw unreadableCrs('its conic projection has no lat_1');
  const zone = Number(parts.get('zone') ?? 1);
  const isZoned = parts.has('zone') && Number.isInteger(zone) && zone >= 1 && zone <= 60;
  if (name === 'utm' ? !isZoned : parts.has('zone')) throw unreadableCrs('its zone is not that of UTM, 1 to 60');
  if (
    parts.has('lat_1') &&
    parts.has('lat_2') &&
    Number(parts.get('lat_1')) === -Number(parts.get('lat_2')) &&
    name !== 'longlat'
  ) {
    throw unreadableCrs('its standard parallels lie on both sides of the equator, equally far');
  }
}

function projectionName(name: string): string {
  return ['latlong', 'latlon', 'lonlat'].includes(name) ? 'longlat' : name;
}

/** What PROJ takes for parts that are not there; proj4 takes some of them for not a number. */
function defaultsOf(parts: ReadonlyMap<string, string | null>): readonly string[] {
  const name = projectionName(parts.get('proj') ?? '');
  if (name === 'longlat' || name === 'utm') return [];
  const centre = name === 'krovak' || name === 'nzmg' ? [] : ['lat_0', 'lon_0'];
  return [...centre, 'x_0', 'y_0']
    .filter((one) => !parts.has(one) && !(one === 'lon_0' && parts.has('lonc')))
    .map((one) =>
      one === 'lat_0' && name === 'lcc' && !parts.has('lat_2') ? `+lat_0=${parts.get('lat_1')}` : `+${one}=0`,
    );
}

/** One part as proj4 takes it; empty = it does not matter. */
function partOf(name: string, value: string | null): string {
  const part = `${name}${value === null ? '' : `=${value}`}`;
  const isNumber = value !== null && value !== '' && Number.isFinite(Number(value));
  if (IGNORED.has(name)) return '';
  if (name === 'proj') return `+proj=${projectionName(value ?? '')}`;
  const isPossible = !SIZES.has(name) || Number(value) > 0;
  if ((NUMBERS.has(name) && isNumber && isPossible) || name === 'zone') return `+${part}`;
  if (['south', 'no_uoff', 'no_off'].includes(name) && value === null) return `+${name}`;
  if (name === 'ellps' && value === 'clrk80') return '+a=6378249.145 +rf=293.4663';
  if (name === 'ellps' && value === 'WGS72') return '+a=6378135 +rf=298.26';
  if (name === 'ellps' && value !== null && ELLIPSOIDS.has(value)) return `+${part}`;
  if (name === 'datum' && value !== null && Object.hasOwn(DATUMS, value)) return DATUMS[value]!;
  if (name === 'units' && value !== null && Object.hasOwn(UNITS, value)) return `+to_meter=${UNITS[value]}`;
  if (name === 'towgs84' && value !== null && isShift(value)) return `+${part}`;
  if (name === 'nadgrids' && value === '@null') return `+${part}`;
  if (name === 'axis' && value === 'enu') return '';
  if (name === 'pm' && value !== null) {
    const degrees = Object.hasOwn(MERIDIANS, value) ? MERIDIANS[value]! : isNumber ? Number(value) : null;
    if (degrees !== null) return degrees === 0 ? '' : `+pm=${degrees}`;
  }
  throw unreadableCrs(`the part '+${part.slice(0, 80)}' of its proj string is not read`);
}

function isShift(value: string): boolean {
  const numbers = value.split(',');
  return [3, 7].includes(numbers.length) && numbers.every((one) => one !== '' && Number.isFinite(Number(one)));
}

/** The definitions that have a faster way are known by their code. */
function shortened(definition: readonly string[]): NamedCrs {
  const parts = new Set(definition);
  const isDegrees = parts.has('+proj=longlat') && (parts.has('+datum=WGS84') || parts.has('+ellps=WGS84'));
  if (isDegrees && parts.size === 2) return { kind: 'epsg', code: 4326 };
  const isMercator = [...parts].every(
    (part) =>
      WEB_MERCATOR_PARTS.has(part) ||
      /^\+(lat_ts|lat_0|lon_0|x_0|y_0)=[-+]?0*\.?0*$/u.test(part) ||
      /^\+k(_0)?=1(\.0*)?$/u.test(part),
  );
  if (isMercator && parts.has('+proj=merc') && parts.has('+nadgrids=@null') && parts.has('+a=6378137'))
    return { kind: 'epsg', code: 3857 };
  return { kind: 'proj', definition: [...definition, '+no_defs'].join(' ') };
}

const WEB_MERCATOR_PARTS = new Set(['+proj=merc', '+a=6378137', '+b=6378137', '+nadgrids=@null', '+to_meter=1']);

/** True if a code has a definition that is read. */
export function isKnownCode(code: number): boolean {
  return isDegreesCode(code) || isWebMercatorCode(code) || projDefinition(code) !== null;
}
