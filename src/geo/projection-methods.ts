import { unreadableCrs } from './crs-problem.ts';

/** Parameters of projections, whatever a format calls them. Angles in degrees, lengths in metres. */
export type ParameterName =
  | 'lat0'
  | 'lon0'
  | 'scale'
  | 'x0'
  | 'y0'
  | 'parallel1'
  | 'parallel2'
  | 'azimuth'
  | 'rectified'
  | 'coneColatitude'
  | 'pseudoParallel'
  | 'xScale'
  | 'rotation';

export interface ProjectionParts {
  /** As the format calls it: `Transverse Mercator`, `Transverse_Mercator`. */
  readonly method: string;
  readonly parameters: ReadonlyMap<ParameterName, number>;
}

/** What a parameter is, by its names in EPSG's, GDAL's and Esri's WKT: lower case, letters and digits only. */
const PARAMETER_BY_NAME: Readonly<Record<string, ParameterName>> = {
  latitudeofnaturalorigin: 'lat0',
  latitudeoffalseorigin: 'lat0',
  latitudeofprojectioncentre: 'lat0',
  latitudeoforigin: 'lat0',
  latitudeofcenter: 'lat0',
  latitudeofcentre: 'lat0',
  longitudeofnaturalorigin: 'lon0',
  longitudeoffalseorigin: 'lon0',
  longitudeofprojectioncentre: 'lon0',
  longitudeoforigin: 'lon0',
  longitudeofcenter: 'lon0',
  longitudeofcentre: 'lon0',
  centralmeridian: 'lon0',
  scalefactoratnaturalorigin: 'scale',
  scalefactoratprojectioncentre: 'scale',
  scalefactoroninitialline: 'scale',
  scalefactoronpseudostandardparallel: 'scale',
  scalefactor: 'scale',
  falseeasting: 'x0',
  eastingatfalseorigin: 'x0',
  eastingatprojectioncentre: 'x0',
  falsenorthing: 'y0',
  northingatfalseorigin: 'y0',
  northingatprojectioncentre: 'y0',
  latitudeof1ststandardparallel: 'parallel1',
  latitudeofstandardparallel: 'parallel1',
  standardparallel1: 'parallel1',
  latitudeof2ndstandardparallel: 'parallel2',
  standardparallel2: 'parallel2',
  azimuthofinitialline: 'azimuth',
  azimuthatprojectioncentre: 'azimuth',
  azimuth: 'azimuth',
  anglefromrectifiedtoskewgrid: 'rectified',
  rectifiedgridangle: 'rectified',
  colatitudeofconeaxis: 'coneColatitude',
  latitudeofpseudostandardparallel: 'pseudoParallel',
  pseudostandardparallel1: 'pseudoParallel',
  xscale: 'xScale',
  xyplanerotation: 'rotation',
};

/**
 * Which parameter a name means; null = none that is known.
 */
export function parameterOf(name: string): ParameterName | null {
  const key = plain(name);
  return Object.hasOwn(PARAMETER_BY_NAME, key) ? PARAMETER_BY_NAME[key]! : null;
}

type Get = (name: ParameterName, otherwise?: number) => number;
type Writer = (get: Get, has: (name: ParameterName) => boolean) => string;

const lccOne: Writer = (get) =>
  `+proj=lcc +lat_1=${get('lat0')} +lat_0=${get('lat0')} ${lon(get)} +k_0=${get('scale', 1)}`;
const lccTwo: Writer = (get) =>
  `+proj=lcc +lat_1=${get('parallel1')} +lat_2=${get('parallel2')} +lat_0=${get('lat0')} ${lon(get)}`;
const mercatorOne: Writer = (get) => `+proj=merc ${lon(get)} +k=${get('scale', 1)}`;
const mercatorTwo: Writer = (get) => `+proj=merc ${lon(get)} +lat_ts=${get('parallel1')}`;
const oblique: Writer = (get) =>
  `+proj=omerc +lat_0=${get('lat0')} +lonc=${get('lon0')} +alpha=${get('azimuth')} ` +
  `+gamma=${get('rectified', get('azimuth'))} +k=${get('scale', 1)}`;

/** Proj strings without false origin, datum and units, by the methods' names: lower case, letters and digits only. */
const WRITERS: Readonly<Record<string, Writer>> = {
  transversemercator: (get) => `+proj=tmerc +lat_0=${get('lat0')} ${lon(get)} +k=${get('scale', 1)}`,
  gausskruger: (get) => `+proj=tmerc +lat_0=${get('lat0')} ${lon(get)} +k=${get('scale', 1)}`,
  lambertconicconformal1sp: lccOne,
  lambertconformalconic1sp: lccOne,
  lambertconicconformal2sp: lccTwo,
  lambertconformalconic2sp: lccTwo,
  // Esri's name for both: with one parallel only, that is where the scale belongs to.
  lambertconformalconic: (get, has) =>
    has('parallel2')
      ? `${lccTwo(get, has)} +k_0=${get('scale', 1)}`
      : `+proj=lcc +lat_1=${get('parallel1', get('lat0'))} +lat_0=${get('lat0')} ${lon(get)} +k_0=${get('scale', 1)}`,
  albersequalarea: albers,
  albersconicequalarea: albers,
  albers,
  lambertazimuthalequalareaspherical: (get) => `+proj=laea +lat_0=${get('lat0')} ${lon(get)}`,
  lambertazimuthalequalarea: (get) => `+proj=laea +lat_0=${get('lat0')} ${lon(get)}`,
  polarstereographicvarianta: polarOne,
  polarstereographicvariantb: (get) => polarTwo(get('parallel1'), get),
  // GDAL's WKT 1: the origin is the pole, with a scale there, or else the parallel of true scale.
  polarstereographic: (get) => (Math.abs(get('lat0')) === 90 ? polarOne(get) : polarTwo(get('lat0'), get)),
  stereographicnorthpole: (get) => polarTwo(get('parallel1', 90), get),
  stereographicsouthpole: (get) => polarTwo(get('parallel1', -90), get),
  mercatorvarianta: mercatorOne,
  mercator1sp: mercatorOne,
  mercatorvariantb: mercatorTwo,
  mercator2sp: mercatorTwo,
  mercator: (get, has) => (has('parallel1') ? mercatorTwo(get, has) : mercatorOne(get, has)),
  hotineobliquemercator: (get, has) => `${oblique(get, has)} +no_uoff`,
  hotineobliquemercatorvarianta: (get, has) => `${oblique(get, has)} +no_uoff`,
  hotineobliquemercatorazimuthnaturalorigin: (get, has) => `${oblique(get, has)} +no_uoff`,
  hotineobliquemercatorvariantb: obliqueCentre,
  hotineobliquemercatorazimuthcenter: obliqueCentre,
  obliquemercator: obliqueCentre,
  stereographic: polarOne,
  sinusoidal: (get) => `+proj=sinu ${lon(get)}`,
  obliquestereographic: (get) => `+proj=sterea +lat_0=${get('lat0')} ${lon(get)} +k=${get('scale', 1)}`,
  doublestereographic: (get) => `+proj=sterea +lat_0=${get('lat0')} ${lon(get)} +k=${get('scale', 1)}`,
  krovak,
  krovaknorthorientated: krovak,
  cassinisoldner: (get) => `+proj=cass +lat_0=${get('lat0')} ${lon(get)}`,
  cassini: (get) => `+proj=cass +lat_0=${get('lat0')} ${lon(get)}`,
  americanpolyconic: (get) => `+proj=poly +lat_0=${get('lat0')} ${lon(get)}`,
  polyconic: (get) => `+proj=poly +lat_0=${get('lat0')} ${lon(get)}`,
  newzealandmapgrid: (get) => `+proj=nzmg +lat_0=${get('lat0')} ${lon(get)}`,
  lambertcylindricalequalarea: (get) => `+proj=cea +lat_ts=${get('parallel1')} ${lon(get)}`,
  lambertcylindricalequalareaspherical: (get) => `+proj=cea +lat_ts=${get('parallel1')} ${lon(get)}`,
  cylindricalequalarea: (get) => `+proj=cea +lat_ts=${get('parallel1')} ${lon(get)}`,
  equidistantcylindrical: equirectangular,
  equidistantcylindricalspherical: equirectangular,
  equirectangular,
  platecarree: equirectangular,
  equalearth: (get) => `+proj=eqearth ${lon(get)}`,
  azimuthalequidistant: (get) => `+proj=aeqd +lat_0=${get('lat0')} ${lon(get)}`,
  equidistantconic: (get) =>
    `+proj=eqdc +lat_1=${get('parallel1')} +lat_2=${get('parallel2')} +lat_0=${get('lat0')} ${lon(get)}`,
  mollweide: (get) => `+proj=moll ${lon(get)}`,
};

/**
 * The proj string of a projection, without datum and unit: `+x_0` and `+y_0` are metres.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` for a method or a parameter that is not read
 * @see IOGP, Geomatics Guidance Note 7-2, for what the methods are
 */
export function projectionString({ method, parameters }: ProjectionParts): string {
  const key = plain(method);
  const write = Object.hasOwn(WRITERS, key) ? WRITERS[key] : undefined;
  if (write === undefined) throw unreadableCrs(`it has the projection '${method.slice(0, 80)}', which is not read`);
  for (const [name, value] of parameters) {
    if (!Number.isFinite(value)) throw unreadableCrs(`its parameter ${name} is ${value}`);
  }
  const asked = new Set<ParameterName>(['x0', 'y0']);
  const get: Get = (name, otherwise = 0) => {
    asked.add(name);
    return parameters.get(name) ?? otherwise;
  };
  const has = (name: ParameterName): boolean => parameters.has(name);
  const text = `${write(get, has)} +x_0=${get('x0')} +y_0=${get('y0')}`;
  // A parameter that the method does not have means something else than what is read; neutral ones are often written.
  const left = [...parameters].find(
    ([name, value]) => !asked.has(name) && value !== 0 && !(name.toLowerCase().endsWith('scale') && value === 1),
  );
  if (left !== undefined) {
    throw unreadableCrs(
      `its projection '${method.slice(0, 80)}' has a parameter ${left[0]} of ${left[1]}, which is not read`,
    );
  }
  return text;
}

/**
 * True for projections whose formulas hold on a sphere alone. The equidistant cylindrical projection is one of them: on
 * an ellipsoid PROJ took the sphere's formulas until 9.7 and takes the ellipsoid's since, up to 25 km apart.
 */
export function isSpherical(method: string): boolean {
  const key = plain(method);
  return key.endsWith('spherical') || WRITERS[key] === equirectangular;
}

/** True for the sphere's formulas on an ellipsoid, as EPSG:3857 has them. */
export function isPseudoMercator(method: string): boolean {
  return ['popularvisualisationpseudomercator', 'mercatorauxiliarysphere'].includes(plain(method));
}

function lon(get: Get): string {
  return `+lon_0=${get('lon0')}`;
}

function albers(get: Get): string {
  return `+proj=aea +lat_1=${get('parallel1')} +lat_2=${get('parallel2')} +lat_0=${get('lat0')} ${lon(get)}`;
}

function equirectangular(get: Get): string {
  return `+proj=eqc +lat_ts=${get('parallel1')} +lat_0=${get('lat0')} ${lon(get)}`;
}

function polarOne(get: Get): string {
  return `+proj=stere +lat_0=${get('lat0')} ${lon(get)} +k=${get('scale', 1)}`;
}

function polarTwo(parallel: number, get: Get): string {
  get('lat0');
  if (get('scale', 1) !== 1) throw unreadableCrs('its polar stereographic projection has both a parallel and a scale');
  return `+proj=stere +lat_0=${parallel < 0 ? -90 : 90} +lat_ts=${parallel} ${lon(get)}`;
}

/** At an azimuth of 90 degrees it is the Swiss projection, which has a string of its own. */
function obliqueCentre(get: Get, has: (name: ParameterName) => boolean): string {
  const isSwiss = get('azimuth') === 90 && get('rectified', 90) === 90;
  return isSwiss ? `+proj=somerc +lat_0=${get('lat0')} ${lon(get)} +k_0=${get('scale', 1)}` : oblique(get, has);
}

/**
 * The pseudo standard parallel is 78.5 degrees in every Krovak there is, and in what computes it. In Esri's WKT the axes
 * point to the east and the north if they are turned and mirrored.
 */
function krovak(get: Get): string {
  if (Math.abs(get('pseudoParallel', 78.5) - 78.5) > 1e-9)
    throw unreadableCrs('its Krovak projection is of another cone');
  const isTurned = get('xScale', -1) === -1 && get('rotation', 90) === 90;
  if (!isTurned) throw unreadableCrs('the axes of its Krovak projection point to the south and the west');
  if (get('x0') !== 0 || get('y0') !== 0) throw unreadableCrs('its Krovak projection has a false origin');
  const alpha = get('coneColatitude', get('azimuth', 30.28813975277778));
  get('azimuth');
  return `+proj=krovak +lat_0=${get('lat0', 49.5)} ${lon(get)} +alpha=${alpha} +k=${get('scale', 0.9999)}`;
}

function plain(name: string): string {
  return name
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/[^a-z0-9]/gu, '');
}
