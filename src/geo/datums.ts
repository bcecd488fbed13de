import { unreadableCrs } from './crs-problem.ts';
import { datumDefinition } from './epsg.ts';

/** The figure of the Earth that a CRS is on, as far as its description says. Angles in degrees, lengths in metres. */
export interface DatumParts {
  /** EPSG code of the geographic CRS that is the base; null = not stated. */
  readonly code: number | null;
  /** EPSG code of the projected CRS that is on it, for what states no other; null = none is stated. */
  readonly projectedCode: number | null;
  /** Of the datum or of the geographic CRS, for what states no code. */
  readonly names: readonly string[];
  readonly ellipsoid: Ellipsoid | null;
  /** Longitude of the prime meridian, from Greenwich; null = that of the code. */
  readonly primeMeridian: number | null;
  /** Three or seven numbers as in `+towgs84`: metres, arc seconds, parts per million, rotation of the position vector. */
  readonly toWgs84: readonly number[] | null;
}

/** `inverseFlattening` 0 = a sphere. */
export interface Ellipsoid {
  readonly semiMajor: number;
  readonly inverseFlattening: number;
}

/** Parameters of `+towgs84` that change nothing. */
const NO_SHIFT = '+towgs84=0,0,0,0,0,0,0';

/** Geographic CRSs by the names that their datums have in WKT of EPSG, GDAL and Esri: letters, digits and `+` only. */
const CODE_BY_NAME: Readonly<Record<string, number>> = {
  worldgeodeticsystem1984: 4326,
  wgs1984: 4326,
  wgs84: 4326,
  northamericandatum1983: 4269,
  northamerican1983: 4269,
  nad83: 4269,
  northamericandatum1927: 4267,
  northamerican1927: 4267,
  nad27: 4267,
  europeanterrestrialreferencesystem1989: 4258,
  etrs1989: 4258,
  etrs89: 4258,
  ordnancesurveyofgreatbritain1936: 4277,
  osgb1936: 4277,
  osgb36: 4277,
  reseaunationalbelge1972: 4313,
  belge1972: 4313,
  amersfoort: 4289,
  ch1903: 4149,
  'ch1903+': 4150,
  nouvelletriangulationfrancaise: 4275,
  ntf: 4275,
  nouvelletriangulationfrancaiseparis: 4275,
  ntfparis: 4275,
  reseaugeodesiquefrancais1993v1: 4171,
  reseaugeodesiquefrancais1993: 4171,
  rgf1993: 4171,
  rgf93: 4171,
  rgf93v1: 4171,
  deutscheshauptdreiecksnetz: 4314,
  dhdn: 4314,
  europeandatum1950: 4230,
  european1950: 4230,
  ed50: 4230,
  systemofthejednotnetrigonometrickesitikatastralni: 4156,
  systemjednotnetrigonometrickesitikatastralni: 4156,
  sjtsk: 4156,
  militargeographischeinstitut: 4312,
  militargeographischesinstitut: 4312,
  mgi: 4312,
  geocentricdatumofaustralia1994: 4283,
  gda1994: 4283,
  gda94: 4283,
  geocentricdatumofaustralia2020: 7844,
  gda2020: 7844,
  newzealandgeodeticdatum2000: 4167,
  nzgd2000: 4167,
  newzealandgeodeticdatum1949: 4272,
  nzgd1949: 4272,
  nzgd49: 4272,
  sistemadereferenciageocentricoparalasamericas2000: 4674,
  sistemadereferenciageocentricoparalasamericas2000sirgas2000: 4674,
  sirgas2000: 4674,
  southamericandatum1969: 4618,
  southamerican1969: 4618,
  sad69: 4618,
  tokyo: 4301,
  japanesegeodeticdatum2000: 4612,
  jgd2000: 4612,
  japanesegeodeticdatum2011: 6668,
  jgd2011: 6668,
  pulkovo1942: 4284,
  hartebeesthoek94: 4148,
  cape: 4222,
  hungariandatum1972: 4237,
  hungarian1972: 4237,
  hd72: 4237,
  greekgeodeticreferencesystem1987: 4121,
  ggrs1987: 4121,
  ggrs87: 4121,
  wgs1972: 4322,
  worldgeodeticsystem1972: 4322,
  montemario: 4265,
  rome1940: 4265,
  pulkovo194258: 4179,
  pulkovo1942adj1958: 4179,
  pulkovo194283: 4178,
  pulkovo1942adj1983: 4178,
  tm65: 4299,
  tm75: 4300,
  timbalai1948: 4298,
  kertau: 4245,
  kertau1968: 4245,
  newzealand1949: 4272,
  israel1993: 4141,
  israel: 4141,
  vietnam2000: 4756,
  vn2000: 4756,
  cyprusgeodeticreferencesystem1993: 6311,
  cgrs1993: 6311,
  nationalgeodeticnetwork: 4318,
  kuwaitutility: 4319,
  irenet95: 4173,
  sweref99: 4619,
  china2000: 4490,
  cgcs2000: 4490,
  chinageodeticcoordinatesystem2000: 4490,
  nad83nationalspatialreferencesystem2011: 6318,
  nad832011: 6318,
  nad83canadianspatialreferencesystem: 4617,
  northamerican1983csrs: 4617,
  nad83csrs: 4617,
};

/**
 * A datum as a part of a proj string, with the shift to WGS 84 that PROJ applies where no grids are installed.
 *
 * A datum on the ellipsoid of GRS 80 or WGS 84 that is not known lies within some metres of WGS 84 and is taken as that;
 * one that is called unknown, that has no name, or that is another body's has no shift at all, as in PROJ.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` if the shift of the datum is not known
 */
export function datumString(parts: DatumParts): string {
  const { ellipsoid, toWgs84, primeMeridian } = parts;
  const known = knownDatum(parts);
  const ownMeridian = primeMeridian === 0 ? [] : [`+pm=${primeMeridian}`];
  const meridian = primeMeridian === null ? (known?.meridian ?? []) : ownMeridian;
  if (ellipsoid === null && known === null) {
    throw unreadableCrs(`it has the datum ${describe(parts)}, which is not known, and no ellipsoid`);
  }
  const figure = ellipsoid === null ? known!.figure : [figureOf(ellipsoid)];
  const shift =
    toWgs84 === null ? (known?.shift ?? shiftOfUnknown(parts, ellipsoid)) : [`+towgs84=${toWgs84.join(',')}`];
  return [...figure, ...shift, ...meridian].join(' ');
}

/** True if longitudes and latitudes on it are those of WGS 84, as near as imagery can show. */
export function isNearWgs84(parts: DatumParts): boolean {
  const { ellipsoid, toWgs84, primeMeridian } = parts;
  if ((primeMeridian ?? 0) !== 0 || (toWgs84 !== null && toWgs84.some((n) => n !== 0))) return false;
  if (ellipsoid !== null && !isModern(ellipsoid)) return false;
  const known = knownDatum(parts);
  if (known === null) return ellipsoid !== null;
  return known.shift.length === 1 && known.shift[0] === NO_SHIFT && known.meridian.length === 0;
}

function figureOf({ semiMajor, inverseFlattening }: Ellipsoid): string {
  const isUsable = semiMajor > 0 && Number.isFinite(semiMajor) && (inverseFlattening === 0 || inverseFlattening > 1);
  if (!isUsable) throw unreadableCrs(`it is on an ellipsoid of ${semiMajor} m and 1/${inverseFlattening}`);
  return inverseFlattening === 0 ? `+R=${semiMajor}` : `+a=${semiMajor} +rf=${inverseFlattening}`;
}

/** 298.25 to 298.26 are the flattenings since GRS 80; the datums on them are geocentric. */
function isModern({ semiMajor, inverseFlattening }: Ellipsoid): boolean {
  return Math.abs(semiMajor - 6_378_137) < 0.01 && Math.abs(inverseFlattening - 298.2572) < 0.0001;
}

/** What a definition in the list says of its datum, as parts of a proj string. */
interface KnownDatum {
  readonly figure: readonly string[];
  readonly shift: readonly string[];
  readonly meridian: readonly string[];
}

function knownDatum({ code, names, projectedCode }: DatumParts): KnownDatum | null {
  const byName = names.map((name) => CODE_BY_NAME[normalised(name)]);
  const found = [code, ...byName].find((one) => typeof one === 'number' && isGeographicCode(one)) ?? projectedCode;
  const definition = found === null ? null : datumDefinition(found);
  if (definition === null) return null;
  const parts = definition.split(/\s+/u);
  const modern = parts.includes('+datum=WGS84') ? 'WGS84' : parts.includes('+datum=NAD83') ? 'GRS80' : null;
  if (modern !== null) return { figure: [`+ellps=${modern}`], shift: [NO_SHIFT], meridian: [] };
  const figure = parts.filter((part) => /^\+(ellps|a|b|rf|R)=/u.test(part));
  // Where the list has no shift, PROJ knows none either that it could apply without a grid.
  const shift = parts.filter((part) => /^\+(towgs84|datum)=/u.test(part));
  return { figure, shift, meridian: parts.filter((part) => part.startsWith('+pm=')) };
}

function isGeographicCode(code: number): boolean {
  return /\+proj=longlat\b/u.test(datumDefinition(code) ?? '');
}

function shiftOfUnknown(parts: DatumParts, ellipsoid: Ellipsoid | null): readonly string[] {
  const [name = ''] = parts.names;
  const isNameless = name === '' || /unknown|unnamed|undefined|not specified|based on|user|custom/iu.test(name);
  if (ellipsoid === null || (isNameless && parts.code === null)) return [];
  // A sphere, or another body: there is no WGS 84 to go to.
  if (ellipsoid.inverseFlattening === 0 || Math.abs(ellipsoid.semiMajor - 6_378_137) > 50_000) return [];
  if (isModern(ellipsoid)) return [NO_SHIFT];
  throw unreadableCrs(`it has the datum ${describe(parts)}, whose shift to WGS 84 is not known`);
}

function describe({ code, names }: DatumParts): string {
  const name = names.find((one) => one !== '')?.slice(0, 80);
  return [name === undefined ? null : `'${name}'`, code === null ? null : `of EPSG:${code}`].filter(Boolean).join(' ');
}

/** Letters, digits and `+`, without the D_ of Esri and what says that a datum has had several realisations. */
function normalised(name: string): string {
  return name
    .toLowerCase()
    .replace(/^d_/u, '')
    .replace(/ ensemble$/u, '')
    .normalize('NFD')
    .replaceAll(/[^a-z0-9+]/gu, '');
}
