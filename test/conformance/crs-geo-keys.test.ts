import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../src/cog/block-cache.ts';
import { openCog } from '../../src/cog/open-cog.ts';
import { createIoCounters } from '../../src/observe.ts';
import { crsError, readCrsRows, type CrsRow } from '../support/crs-points.ts';
import { createMemorySource } from '../support/recording-source.ts';

const rows = readCrsRows('crs-geo-keys.json.gz');

/** Where PROJ chooses another of the published shifts, in metres; see crs-definitions.test.ts. */
const BY_DATUM: Readonly<Record<string, number>> = {
  'EPSG:27700 without its code': 0.01,
  'British grid by its datum': 0.01,
  'EPSG:5514 without its code': 0.1,
};

/** As in crs-definitions.test.ts, and for the same reasons. */
const REFUSED = new Set([
  'oblique Mercator A, Esri',
  'EPSG:3375 without its code, Esri',
  'EPSG:6933 without its code, Esri',
  'cylindrical equal area, Esri',
  'Krovak with a false origin',
  'equidistant cylindrical',
  'Robinson',
  'orthographic',
  'geostationary',
]);

function plainName({ name }: CrsRow): string {
  return name.replace(/, Esri$/u, '');
}

function isRefused(row: CrsRow): boolean {
  return REFUSED.has(row.name) || REFUSED.has(plainName(row));
}

async function open({ tiff }: CrsRow) {
  const signal = new AbortController().signal;
  const options = { cache: new BlockCache(1e6), counters: createIoCounters(), signal };
  return await openCog(createMemorySource({ bytes: Buffer.from(tiff, 'base64') }), options);
}

const named = rows.map((row) => [row.name, row] as const);

describe('user-defined GeoKeys are read as GDAL reads them', () => {
  test.each(named.filter(([, row]) => !isRefused(row)))('%s', async (_, row) => {
    await using cog = await open(row);
    const { there, back } = crsError(cog.crs, row);
    expect(there).toBeLessThan(BY_DATUM[plainName(row)] ?? 1e-3);
    expect(back).toBeLessThan(2e-3);
  });

  test.each(named.filter(([, row]) => isRefused(row)))('%s is refused', async (_, row) => {
    await expect(open(row)).rejects.toMatchObject({
      code: 'ASSET_UNSUPPORTED',
      message: expect.stringMatching(
        /user-defined in a way that is not read \(.*\)\. Supply it as "crs" in the request/u,
      ),
    });
  });
});
