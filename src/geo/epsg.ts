import type proj4list from 'proj4-list';
import { loadLater } from '../load-later.ts';

/** Three quarters of a megabyte, for what is neither UTM nor degrees nor Web Mercator. */
const loadList = loadLater('proj4-list') as () => typeof proj4list;

/** Geographic CRSs whose degrees differ from WGS 84 by less than the imagery can show (no grid is applied, as in PROJ). */
const DEGREES = new Set([4326, 4258, 4269, 4283, 4167, 4617, 4674, 6318, 7844, 4979, 4937]);

/** EPSG:3857 and the codes that meant it before it had one. */
const WEB_MERCATOR = new Set([3857, 900913, 102100]);

/** Codes `base + zone` of UTM families, zones `first … last`, and what follows `+proj=utm +zone=N`. */
const UTM_FAMILIES: readonly (readonly [base: number, first: number, last: number, rest: string])[] = [
  [32600, 1, 60, '+datum=WGS84'],
  [32700, 1, 60, '+south +datum=WGS84'],
  [25800, 28, 38, '+ellps=GRS80 +towgs84=0,0,0,0,0,0,0'],
  [26900, 1, 23, '+datum=NAD83'],
  [28300, 48, 58, '+south +ellps=GRS80 +towgs84=0,0,0,0,0,0,0'],
  // NAD27 by the shift of its region (Alaska, west, centre and east of the United States), as PROJ does without grids.
  [26700, 1, 9, '+ellps=clrk66 +towgs84=-5,135,172,0,0,0,0'],
  [26700, 10, 14, '+ellps=clrk66 +towgs84=-8,159,175,0,0,0,0'],
  [26700, 15, 15, '+ellps=clrk66 +towgs84=-8,160,176,0,0,0,0'],
  [26700, 16, 22, '+ellps=clrk66 +towgs84=-9,161,179,0,0,0,0'],
  [7800, 46, 59, '+south +ellps=GRS80 +towgs84=0,0,0,0,0,0,0'],
];

/** NAD27 as PROJ takes it for the United States as a whole without grids; proj4 would leave the 200 m shift out. */
const NAD27 = '+ellps=clrk66 +towgs84=-8,160,176,0,0,0,0';

/** What proj4 means otherwise than the list does: by text in a definition, what it is replaced with. */
const CORRECTIONS: readonly (readonly [from: RegExp, to: string])[] = [
  [/\+datum=NAD27/u, NAD27],
  // EPSG's Clarke 1880 is that of the Royal Geographical Society; proj4's is another, 9 cm apart.
  [/\+ellps=clrk80(?=\s)/u, '+a=6378249.145 +rf=293.465'],
  // proj4 2.22 does not know it and takes that of WGS 84, 1.8 m apart.
  [/\+ellps=WGS72(?=\s)/u, '+a=6378135 +rf=298.26'],
  // The shift of S-JTSK that PROJ prefers, to a metre; the list has an older one, 8 m apart.
  [/\+towgs84=589,76,480,0,0,0,0/u, '+towgs84=570.8,85.7,462.8,4.998,1.587,5.261,3.56'],
  // EPSG's meridian of Madrid, 49 m beside that of proj4.
  [/\+pm=madrid/u, '+pm=-3.687375'],
  // No grid files are read; there are parameters beside them.
  [/ \+nadgrids=(?!@null)\S+/u, ''],
];

/**
 * Codes of the list that proj4 computes wrongly: Krovak with axes to the south and west, an oblique Mercator in chains,
 * a grid 6 cm off, a projection that it does not have, longitudes and latitudes in grads, and equidistant cylindrical
 * projections on an ellipsoid, which PROJ computed otherwise until 9.7.
 */
const UNUSABLE = new Set([2065, 5513, 3167, 28191, 29701, 29702, 4807, 4810, 4811, 4816, 4821, 4901, 4087, 32662]);

/** True if the code means longitude and latitude in degrees on (nearly) WGS 84. */
export function isDegreesCode(code: number): boolean {
  return DEGREES.has(code);
}

/** True if the code means spherical Web Mercator. */
export function isWebMercatorCode(code: number): boolean {
  return WEB_MERCATOR.has(code);
}

/**
 * The proj string of an EPSG code: UTM families by formula (they are most of all imagery, and newer ones are missing
 * from lists), everything else from proj4-list, corrected where proj4 and PROJ differ by more than a millimetre. Datum
 * shifts that need grid files are not applied. `null` = unknown.
 *
 * @see https://epsg.org/terms-of-use.html for the source of the definitions
 */
export function projDefinition(code: number): string | null {
  return UNUSABLE.has(code) ? null : datumDefinition(code);
}

/** A proj string that has the datum of an EPSG code, but need not have its projection or unit; `null` = unknown. */
export function datumDefinition(code: number): string | null {
  if (isDegreesCode(code)) return '+proj=longlat +datum=WGS84 +no_defs';
  if (isWebMercatorCode(code)) {
    return '+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +x_0=0 +y_0=0 +k=1 +units=m +nadgrids=@null +no_defs';
  }
  for (const [base, first, last, rest] of UTM_FAMILIES) {
    const zone = code - base;
    if (zone >= first && zone <= last) return `+proj=utm +zone=${zone} ${rest} +units=m +no_defs`;
  }
  const listed = loadList()[`EPSG:${code}`]?.[1];
  return listed === undefined
    ? null
    : CORRECTIONS.reduce((text, [from, to]) => text.replace(from, to), `${listed} `).trim();
}
