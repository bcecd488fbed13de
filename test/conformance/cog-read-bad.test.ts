import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { BlockCache } from '../../src/cog/block-cache.ts';
import { createHttpAgent } from '../../src/cog/http-agent.ts';
import { openCog } from '../../src/cog/open-cog.ts';
import { createRangeSourceOpener } from '../../src/cog/open-range-source.ts';
import { isTilerError, type ErrorCode } from '../../src/errors.ts';
import { createIoCounters } from '../../src/observe.ts';
import { findRealData } from '../support/real-data.ts';
import { createMemorySource } from '../support/recording-source.ts';
import { writeCog } from '../support/synthetic-cog.ts';

/** What becomes of each damaged or unusual file: the code of opening it, of reading it, or null where it can be read. */
const EXPECTED: Readonly<Record<string, ErrorCode | null>> = {
  'SCL.tif': 'ASSET_UNSUPPORTED',
  'byte_jxl_dng_1_7_52546.tif': 'ASSET_UNSUPPORTED',
  'byte_truncated.tif': 'ASSET_CORRUPT',
  'byte_zstd_corrupted.tif': 'ASSET_CORRUPT',
  'cint16.tif': 'ASSET_UNSUPPORTED',
  'cog_sparse_strile_arrays_zeroified_when_possible.tif': null,
  'corrupt-18-bytes.TIF': 'ASSET_UNSUPPORTED',
  'corrupt.tif': 'ASSET_CORRUPT',
  'corrupt_image.TIF': 'ASSET_UNSUPPORTED',
  'corrupted_deflate_singlestrip.tif': 'ASSET_CORRUPT',
  'excessive-memory-TIFFFillTile.tif': 'BYTES_LIMIT',
  'huge-number-strips.tif': 'ASSET_CORRUPT',
  'hugeblocksize.tif': 'BYTES_LIMIT',
  'invalid.tif': 'ASSET_UNSUPPORTED',
  'lzw_corrupted.tif': 'ASSET_CORRUPT',
  'many_blocks_truncated.tif': 'BYTES_LIMIT',
  'missing_tilebytecounts_and_offsets.tif': 'ASSET_CORRUPT',
  'nocog.tif': null,
  'not-a-cog.tif': null,
  'sample-get-lzw-stuck.tiff': 'ASSET_CORRUPT',
};

const NEVER = { signal: new AbortController().signal };
const ASSUMED = { crs: { kind: 'epsg', code: 4326 }, transform: [1, 0, 0, 0, -1, 0] } as const;
/** More than any of the files needs; some of them ask for gigabytes. */
const MAX_GROWTH_BYTES = 200 * 1024 * 1024;

const realData = findRealData();
/** None where there is no real data: then these tests are not there, as standard error says. */
const folders = realData === null ? [] : [realData];

describe.each(folders)('damaged and unusual files end in a typed error or in pixels', (folder) => {
  const agent = createHttpAgent();
  const counters = createIoCounters();
  const opener = createRangeSourceOpener({ counters, agent, fileRoot: folder, allowedHosts: null, s3Client: null });
  afterAll(() => agent.close());

  const bad = join(folder, 'bad');

  async function outcome(name: string): Promise<ErrorCode | null> {
    const source = opener(pathToFileURL(join(bad, name)).href);
    try {
      const cache = new BlockCache(16 * 1024 * 1024);
      await using cog = await openCog(source, { cache, counters, assumed: ASSUMED, ...NEVER });
      for (const [level, { width, height }] of cog.levels.entries()) {
        const window = { col: 0, row: 0, width: Math.min(width, 4_096), height: Math.min(height, 4_096) };
        await cog.readWindow({ level, window, bands: [1], nodata: null }, NEVER);
      }
      return null;
    } catch (error) {
      if (isTilerError(error)) return error.code;
      throw error;
    }
  }

  test('every file is listed', () => {
    expect(readdirSync(bad).sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  test.each(Object.entries(EXPECTED))('%s: %s', async (name, code) => {
    const before = process.memoryUsage().rss;
    expect(await outcome(name)).toBe(code);
    expect(process.memoryUsage().rss - before).toBeLessThan(MAX_GROWTH_BYTES);
  });
});

describe('files of our own, damaged', () => {
  const pixels = Uint8Array.from({ length: 64 * 64 }, (_, i) => (i * 37) % 251);
  const whole = writeCog({
    bands: [pixels],
    width: 64,
    height: 64,
    epsg: 4326,
    transform: [0.1, 0, 0, 0, -0.1, 0],
    blockSize: 32,
    compression: 'deflate',
    overviews: 1,
  });

  async function outcome(bytes: Uint8Array): Promise<ErrorCode | null> {
    try {
      const cache = new BlockCache(1024 * 1024);
      await using cog = await openCog(createMemorySource({ bytes }), { cache, counters: createIoCounters(), ...NEVER });
      const window = { col: 0, row: 0, width: 64, height: 64 };
      await cog.readWindow({ level: 0, window, bands: [1], nodata: null }, NEVER);
      return null;
    } catch (error) {
      if (isTilerError(error)) return error.code;
      throw error;
    }
  }

  test('a whole one reads', async () => {
    expect(await outcome(whole)).toBeNull();
  });

  test.each([1, 9, 100, 400, 1_000])('one cut off %i bytes before its end is corrupt', async (missing) => {
    expect(await outcome(whole.slice(0, whole.length - missing))).toBe('ASSET_CORRUPT');
  });

  test.each(['', 'II', 'not a TIFF at all', '\x89PNG\r\n\x1a\n'])('%j is no TIFF', async (text) => {
    expect(await outcome(Buffer.from(text, 'latin1'))).toBe('ASSET_UNSUPPORTED');
  });
});
