import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { CRS84, transformerBetween, type Crs } from '../../src/geo/crs.ts';

/** What PROJ says of a CRS, as make-crs.py writes it. */
export interface CrsRow {
  readonly name: string;
  /** How the CRS is written, and as what; in crs-definitions.json.gz. */
  readonly form: string;
  readonly text: string;
  /** A file in base64; in crs-geo-keys.json.gz, where the others are empty. */
  readonly tiff: string;
  /** Metres in a unit of its coordinates. */
  readonly unit: number;
  readonly points: readonly (readonly [lng: number, lat: number, x: number, y: number])[];
}

/** The rows of one of the files of make-crs.py. */
export function readCrsRows(name: string): readonly CrsRow[] {
  const bytes = readFileSync(new URL(`../conformance/arrays/${name}`, import.meta.url));
  return JSON.parse(gunzipSync(bytes).toString('utf8')) as readonly CrsRow[];
}

/** The largest distances in metres: from PROJ's points in the CRS, and from where one started when taken back again. */
export function crsError(
  crs: Crs,
  { unit, points }: Pick<CrsRow, 'unit' | 'points'>,
): { readonly there: number; readonly back: number } {
  const errors = points.map(([lng, lat, x, y]) => {
    const [xs, ys] = [Float64Array.of(lng), Float64Array.of(lat)];
    transformerBetween(CRS84, crs).transform(xs, ys);
    const there = Math.hypot(xs[0]! - x, ys[0]! - y) * unit;
    transformerBetween(crs, CRS84).transform(xs, ys);
    return { there, back: Math.hypot(xs[0]! - lng, ys[0]! - lat) * 111_320 };
  });
  return { there: Math.max(...errors.map(({ there }) => there)), back: Math.max(...errors.map(({ back }) => back)) };
}
