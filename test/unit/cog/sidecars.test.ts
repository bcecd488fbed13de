import { describe, expect, test } from 'vitest';
import { BlockCache } from '../../../src/cog/block-cache.ts';
import { FILE_ABSENT } from '../../../src/cog/cog.ts';
import { createCogPool } from '../../../src/cog/cog-pool.ts';
import { sidecarHref, type Sidecar } from '../../../src/cog/sidecars.ts';
import { TilerError } from '../../../src/errors.ts';
import { createIoCounters } from '../../../src/observe.ts';
import { createMemorySource, recordReads, type RecordingSource } from '../../support/recording-source.ts';
import { writeCog } from '../../support/synthetic-cog.ts';

const NEVER = { signal: new AbortController().signal };
const HREF = 'https://data.example/scene.tif?token=1';

function picture(size: number, value: number, count = 1): Uint8Array {
  const bands = Array.from({ length: count }, () => new Uint8Array(size * size).fill(value));
  return writeCog({ width: size, height: size, bands, epsg: 3857, transform: [1, 0, 0, 0, -1, 0], blockSize: 64 });
}

/** A pool over files by href; those that are an error fail with it. */
function start(files: Readonly<Record<string, Uint8Array | TilerError>>, sidecars: readonly Sidecar[]) {
  const opened = new Map<string, RecordingSource>();
  const opener = (href: string): RecordingSource => {
    const file = files[href] ?? null;
    const isError = file instanceof TilerError;
    const memory = createMemorySource({ bytes: isError ? null : file }, href);
    const source = recordReads(isError ? { ...memory, read: () => Promise.reject(file) } : memory);
    opened.set(href, source);
    return source;
  };
  const cache = new BlockCache(10_000_000);
  const pool = createCogPool({ opener, cache, counters: createIoCounters(), maxOpen: 4, sidecars });
  return { pool, opened };
}

const WINDOW = { level: 0, window: { col: 0, row: 0, width: 100, height: 100 }, bands: [1], nodata: null };

describe('files beside a COG', () => {
  test('the ending goes behind the path and the query stays; a key of S3 has no query', () => {
    expect(sidecarHref('https://a/b.tif?sig=x#y', '.ovr')).toBe('https://a/b.tif.ovr?sig=x#y');
    expect(sidecarHref('file:///a/b.tif', '.msk')).toBe('file:///a/b.tif.msk');
    expect(sidecarHref('s3://a/b?.tif', '.msk.ovr')).toBe('s3://a/b?.tif.msk.ovr');
  });

  test('are asked for only where they are named', async () => {
    const { pool, opened } = start({ [HREF]: picture(100, 7) }, []);
    await pool.open(HREF, NEVER);
    expect([...opened.keys()]).toEqual([HREF]);
  });

  test('that do not exist cost one request each, and are none', async () => {
    const { pool, opened } = start({ [HREF]: picture(100, 7) }, ['ovr', 'msk']);
    const cog = await pool.open(HREF, NEVER);
    expect(cog.masking).toBe('none');
    expect(cog.levels).toHaveLength(1);
    const asked = [...opened].map(([href, { reads, isDisposed }]) => [href, reads.length, isDisposed]);
    expect(asked).toEqual([
      [HREF, 1, false],
      ['https://data.example/scene.tif.ovr?token=1', 1, true],
      ['https://data.example/scene.tif.msk?token=1', 1, true],
    ]);
  });

  test('give a mask, whose overviews are looked for in turn; all are closed with the COG', async () => {
    const mask = 'https://data.example/scene.tif.msk?token=1';
    const { pool, opened } = start({ [HREF]: picture(100, 7), [mask]: picture(100, 0) }, ['msk']);
    const cog = await pool.open(HREF, NEVER);
    expect(cog.masking).toBe('mask');
    expect([...opened.keys()]).toEqual([HREF, mask, 'https://data.example/scene.tif.msk.ovr?token=1']);
    const { bands, mask: valid } = await cog.readWindow(WINDOW, NEVER);
    expect(bands[0]).toEqual(new Uint8Array(10_000).fill(7));
    expect(valid).toEqual(new Uint8Array(10_000));
    const again = await cog.readWindow({ ...WINDOW, nodata: 3 }, NEVER);
    expect(again.mask).toEqual(new Uint8Array(10_000).fill(255));
    await pool[Symbol.asyncDispose]();
    expect([...opened.values()].every(({ isDisposed }) => isDisposed)).toBe(true);
  });

  test('are files of the COG with their versions, also where there is none', async () => {
    const mask = 'https://data.example/scene.tif.msk?token=1';
    const { pool, opened } = start({ [HREF]: picture(100, 7), [mask]: picture(100, 0) }, ['ovr', 'msk']);
    const { files } = await pool.open(HREF, NEVER);
    expect(files).toEqual([
      { suffix: '', version: opened.get(HREF)?.version() },
      { suffix: '.ovr', version: FILE_ABSENT },
      { suffix: '.msk', version: opened.get(mask)?.version() },
      { suffix: '.msk.ovr', version: FILE_ABSENT },
    ]);
    expect(new Set(files.map(({ version }) => version)).size).toBe(3);
  });

  test('that cannot be read are a failure, and nothing stays open', async () => {
    const overviews = 'https://data.example/scene.tif.ovr?token=1';
    const forbidden = new TilerError('ASSET_FORBIDDEN', 'Reading it: the server answered 403');
    const { pool, opened } = start({ [HREF]: picture(100, 7), [overviews]: forbidden }, ['msk', 'ovr']);
    await expect(pool.open(HREF, NEVER)).rejects.toBe(forbidden);
    expect([...opened.values()].every(({ isDisposed }) => isDisposed)).toBe(true);
  });

  test('that are no TIFF are a failure; so is one mask per band', async () => {
    const mask = 'https://data.example/scene.tif.msk?token=1';
    const text = start({ [HREF]: picture(100, 7), [mask]: Buffer.from('<html>not here</html>') }, ['msk']);
    await expect(text.pool.open(HREF, NEVER)).rejects.toMatchObject({ code: 'ASSET_UNSUPPORTED' });
    const many = start({ [HREF]: picture(100, 7, 3), [mask]: picture(100, 0, 3) }, ['msk']);
    await expect(many.pool.open(HREF, NEVER)).rejects.toThrow('it holds 3 masks; read is one for all bands');
  });

  test('of another size or type are not used', async () => {
    const overviews = 'https://data.example/scene.tif.ovr?token=1';
    const mask = 'https://data.example/scene.tif.msk?token=1';
    const files = { [HREF]: picture(100, 7), [overviews]: picture(50, 9, 2), [mask]: picture(60, 0) };
    const cog = await start(files, ['msk', 'ovr']).pool.open(HREF, NEVER);
    expect(cog.masking).toBe('none');
    expect(cog.levels).toHaveLength(1);
  });

  test('block numbers of one file are not those of another in the cache', async () => {
    const overviews = 'https://data.example/scene.tif.ovr?token=1';
    const files = { [HREF]: picture(100, 7), [overviews]: picture(50, 9) };
    const cog = await start(files, ['ovr']).pool.open(HREF, NEVER);
    expect((await cog.readWindow(WINDOW, NEVER)).bands[0]![0]).toBe(7);
    const window = { col: 0, row: 0, width: 50, height: 50 };
    expect((await cog.readWindow({ ...WINDOW, level: 1, window }, NEVER)).bands[0]![0]).toBe(9);
  });
});
