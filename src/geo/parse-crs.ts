import type { NamedCrs } from './crs.ts';
import { crsOfTree } from './crs-of-tree.ts';
import { unreadableCrs } from './crs-problem.ts';
import { parseWkt } from './crs-tree.ts';
import { crsOfProjString, isKnownCode } from './proj-string.ts';
import { treeOfProjjson } from './projjson.ts';

/** Bound on the text of a PROJJSON that came as text. */
const MAX_JSON_LENGTH = 64 * 1024;

/** `EPSG:32633`, `urn:ogc:def:crs:EPSG::32633`, `http://www.opengis.net/def/crs/OGC/1.3/CRS84`. */
const CODE =
  /^(?:urn:ogc:def:crs:|https?:\/\/www\.opengis\.net\/def\/crs\/)?(EPSG|OGC)[:/](?:[^:/]{0,12}[:/])?(\w{1,12})$/iu;

/**
 * Reads a CRS from how it is written: `EPSG:32633`, `OGC:CRS84`, the URN or the URL of such a code, WKT 1 or 2 (of
 * EPSG, GDAL or Esri), a proj string, PROJJSON as an object or as text, or a number, which is an EPSG code. Axes are
 * always x = east, y = north, whatever their order in the definition. Vertical parts are left out.
 *
 * WKT and PROJJSON are read by one reader of our own into a proj string, with the datum shifts of PROJ without grids;
 * proj4's own readers take units, axes, prime meridians and several methods otherwise than PROJ.
 *
 * @throws TilerError `ASSET_UNSUPPORTED` with the reason, for whatever it is: the value may come from anywhere
 */
export function parseCrs(value: unknown): NamedCrs {
  if (typeof value === 'number') return crsOfCode(value);
  if (typeof value !== 'string') return crsOfTree(treeOfProjjson(value));
  const text = value.trim();
  const named = CODE.exec(text);
  if (named !== null) return crsOfName(named[1]!.toUpperCase(), named[2]!, text);
  if (text.startsWith('{')) return crsOfTree(treeOfProjjson(parseJson(text)));
  if (/^\w+\s*[[(]/u.test(text)) return crsOfTree(parseWkt(text));
  if (/(^|\s)\+?(proj|init)=/u.test(text)) return crsOfProjString(text);
  const expected = 'expected a code such as EPSG:32633, WKT, PROJJSON or a proj string';
  throw unreadableCrs(`found ${JSON.stringify(text.slice(0, 60))}, ${expected}`);
}

function crsOfName(authority: string, code: string, text: string): NamedCrs {
  if (authority === 'EPSG' && /^\d+$/u.test(code)) return crsOfCode(Number(code));
  if (authority === 'OGC' && /^CRS84h?$/iu.test(code)) return { kind: 'epsg', code: 4326 };
  throw unreadableCrs(`the code ${text.slice(0, 80)} is not known; expected one of EPSG, or OGC:CRS84`);
}

function crsOfCode(code: number): NamedCrs {
  if (Number.isInteger(code) && code > 0 && isKnownCode(code)) return { kind: 'epsg', code };
  throw unreadableCrs(`no definition of EPSG:${code} is known; write it as WKT, PROJJSON or a proj string`);
}

function parseJson(text: string): unknown {
  if (text.length > MAX_JSON_LENGTH) {
    throw unreadableCrs(`its PROJJSON has ${text.length} characters, read are up to ${MAX_JSON_LENGTH}`);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw unreadableCrs('it begins like PROJJSON and is no JSON');
  }
}
