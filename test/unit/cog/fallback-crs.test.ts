import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import { createCogPool } from '../../../src/cog/cog-pool.ts';
import type { AssumedPlace } from '../../../src/cog/georeference.ts';
import { openCog } from '../../../src/cog/open-cog.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { createMemorySource } from '../../support/recording-source.ts';
import { writeTiff, type TiffField } from '../../support/tiff-writer.ts';

const { signal } = new AbortController();
const UTM_33 = { kind: 'epsg', code: 32633 } as const;
const LAMBERT = { kind: 'epsg', code: 2154 } as const;
const UNREADABLE = { kind: 'unreadable', problem: 'Reading a CRS: found "here"' } as const;

/** 16 × 16 bytes with these GeoKeys: key, value. */
function fileWith(keys: readonly (readonly [key: number, value: number])[]): Uint8Array {
  const long = (tag: number, value: number): TiffField => ({ tag, type: 'long', values: [value] });
  const entries = keys.flatMap(([key, value]) => [key, 0, 1, value]);
  const fields: TiffField[] = [
    ...[256, 257, 322, 323].map((tag) => long(tag, 16)),
    long(258, 8),
    { tag: 33550, type: 'double', values: [1, 1, 0] },
    { tag: 33922, type: 'double', values: [0, 0, 0, 5, 50, 0] },
  ];
  if (keys.length > 0) fields.push({ tag: 34735, type: 'short', values: [1, 1, 0, keys.length, ...entries] });
  return writeTiff([{ fields, blocks: [new Uint8Array(256)], tiled: true }], { bigEndian: false, bigTiff: false });
}

async function crsOf(keys: readonly (readonly [number, number])[], assumed: AssumedPlace) {
  const options = { cache: new BlockCache(1e6), counters: createIoCounters(), assumed, signal };
  await using cog = await openCog(createMemorySource({ bytes: fileWith(keys) }), options);
  return cog.crs;
}

const NAMED = [[3072, 2154]] as const;
const UNKNOWN_CODE = [[3072, 9998]] as const;
const NOT_READ = [
  [1024, 1],
  [2048, 4326],
  [3074, 32767],
  [3075, 21],
] as const;

describe("a CRS that is not the file's own", () => {
  test.each<[string, readonly (readonly [number, number])[], AssumedPlace, unknown]>([
    ['is not looked at where the file has one', NAMED, { fallbackCrs: UTM_33 }, { kind: 'epsg', code: 2154 }],
    ['may be unreadable there', NAMED, { fallbackCrs: UNREADABLE }, { kind: 'epsg', code: 2154 }],
    ['overrides it if it has to', NAMED, { crs: UTM_33 }, UTM_33],
    ['counts in a file without GeoKeys', [], { fallbackCrs: UTM_33 }, UTM_33],
    ['counts in a file whose GeoKeys are about something else', [[1025, 1]], { fallbackCrs: UTM_33 }, UTM_33],
    ['counts where the projection is not read', NOT_READ, { fallbackCrs: UTM_33 }, UTM_33],
    ['counts where the code is not known', UNKNOWN_CODE, { fallbackCrs: UTM_33 }, UTM_33],
    ['comes after one to override with', [], { crs: UTM_33, fallbackCrs: LAMBERT }, UTM_33],
  ])('%s', async (_, keys, assumed, expected) => {
    expect(await crsOf(keys, assumed)).toEqual(expected);
  });

  test.each<[string, readonly (readonly [number, number])[], AssumedPlace, RegExp]>([
    ['none anywhere', [], {}, /it does not name its CRS\. Supply it as "crs" in the request .*or by proj:code/u],
    [
      'one that is not read',
      [],
      { fallbackCrs: UNREADABLE },
      /does not name its CRS\. What its item says.*found "here"/u,
    ],
    ['a projection that is not read', NOT_READ, {}, /not read \(Reading a CRS: its projection is number 21.*"crs"/u],
  ])('%s: the error says how to supply one', async (_, keys, assumed, message) => {
    await expect(crsOf(keys, assumed)).rejects.toMatchObject({
      code: 'ASSET_UNSUPPORTED',
      message: expect.stringMatching(message),
    });
  });
});

describe('a pool', () => {
  const base = { cache: new BlockCache(1e6), counters: createIoCounters(), maxOpen: 8 };

  test('gives items that place one file differently a COG each', async () => {
    let opened = 0;
    await using pool = createCogPool({
      ...base,
      opener: () => {
        opened++;
        return createMemorySource({ bytes: fileWith([]) });
      },
    });
    const zones = await Promise.all(
      [32633, 32634, 32633].map(async (code) => {
        const cog = await pool.open('a.tif', { signal, fallbackCrs: { kind: 'epsg', code } });
        return cog.crs;
      }),
    );
    expect(zones.map((crs) => crs.kind === 'epsg' && crs.code)).toEqual([32633, 32634, 32633]);
    expect(opened).toBe(2);
  });

  test('takes the CRS of the request before that of an item', async () => {
    const opener = () => createMemorySource({ bytes: fileWith([]) });
    await using pool = createCogPool({ ...base, opener, assumed: { fallbackCrs: UTM_33 } });
    const cog = await pool.open('a.tif', { signal, fallbackCrs: LAMBERT });
    expect(cog.crs).toEqual(UTM_33);
  });
});
