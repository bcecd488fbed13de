import { writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { openForeignMbtiles } from '../../../../src/store/mbtiles/foreign-mbtiles.ts';
import type { Tile } from '../../../../src/tms/tile.ts';
import { foreignMbtilesFile, TILES_TABLE } from '../../../support/foreign-mbtiles-file.ts';

const NEVER = { signal: new AbortController().signal };
const INVALID = { code: 'ARCHIVE_INVALID' };
const TOO_LONG = { ...INVALID, message: expect.stringContaining('kept SQLite busy') as string };

/** A thread that loads source takes a while to begin. */
const START_MS = 60_000;

/** What never ends, and never gives a row. */
const ENDLESS = 'WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r) SELECT count(*) AS n FROM r';

const file = foreignMbtilesFile();

describe('an MBTiles file in a thread', { timeout: 120_000 }, () => {
  test('is read as it is', async () => {
    const rows = Array.from({ length: 2_500 }, (_, n) => `(12, ${n}, ${n}, zeroblob(${n + 1}))`).join();
    await file.make(
      TILES_TABLE,
      `INSERT INTO tiles VALUES ${rows}`,
      'CREATE TABLE metadata (name TEXT, value TEXT)',
      "INSERT INTO metadata VALUES ('name', 'Žiža'), ('bounds', '-10,-20,30,40')",
    );
    await using reader = (await openForeignMbtiles(file.path, NEVER))!;
    expect(reader.metadata).toMatchObject({ name: 'Žiža', bbox: [-10, -20, 30, 40] });
    expect(await reader.zooms(NEVER)).toEqual({ minzoom: 12, maxzoom: 12 });
    expect(await reader.tile({ z: 12, x: 9, y: 4_086 }, NEVER)).toEqual(new Uint8Array(10));
    expect(await reader.tile({ z: 12, x: 9, y: 0 }, NEVER)).toBeNull();
    const tiles: Tile[] = [];
    for await (const tile of reader.list(NEVER)) tiles.push(tile);
    expect(tiles).toEqual(Array.from({ length: 2_500 }, (_, n) => ({ z: 12, x: n, y: 4_095 - n })));
    // One that is left early is in the way of nobody.
    for await (const _ of reader.list(NEVER)) break;
    const both = await Promise.all([1, 2].map((n) => reader.tile({ z: 12, x: n, y: 4_095 - n }, NEVER)));
    expect(both.map((bytes) => bytes?.length)).toEqual([2, 3]);
  });

  test('no file is nothing, and what is none is said', async () => {
    expect(await openForeignMbtiles(file.path, NEVER)).toBeNull();
    await writeFile(file.path, 'PMTiles\u0003');
    await expect(openForeignMbtiles(file.path, NEVER)).rejects.toMatchObject(INVALID);
  });

  test('SQL that never ends is ended, and this process goes on meanwhile', async () => {
    await file.make(`CREATE VIEW tiles AS SELECT n AS zoom_level, 0 AS tile_column, 0 AS tile_row, x'01' AS tile_data
      FROM (${ENDLESS})`);
    // Opening it runs nothing of it.
    const reader = (await openForeignMbtiles(file.path, { ...NEVER, timeoutMs: START_MS }))!;
    await reader[Symbol.asyncDispose]();
    for (const ask of ['tile', 'zooms', 'list'] as const) {
      await using hostile = await openImpatient();
      let turns = 0;
      const turning = setInterval(() => turns++, 1);
      const asked = {
        tile: () => hostile.tile({ z: 0, x: 0, y: 0 }, NEVER),
        zooms: () => hostile.zooms(NEVER),
        list: () => hostile.list(NEVER).next(),
      }[ask]();
      await expect(asked).rejects.toMatchObject(TOO_LONG);
      clearInterval(turning);
      expect(turns).toBeGreaterThan(1);
      expect(hostile.isOpen).toBe(false);
      await expect(hostile.tile({ z: 0, x: 0, y: 0 }, NEVER)).rejects.toMatchObject(TOO_LONG);
    }
  });

  /** Begins anew if the time-out was too short to open it. */
  async function openImpatient(): Promise<NonNullable<Awaited<ReturnType<typeof openForeignMbtiles>>>> {
    for (let timeoutMs = 1_000; ; timeoutMs *= 2) {
      const opened = await openForeignMbtiles(file.path, { ...NEVER, timeoutMs }).catch((error: unknown) => {
        if (timeoutMs > START_MS) throw error;
      });
      if (opened != null) return opened;
    }
  }

  test('metadata that never end are ended', async () => {
    await file.make(TILES_TABLE, `CREATE VIEW metadata AS SELECT 'name' AS name, n AS value FROM (${ENDLESS})`);
    await expect(openForeignMbtiles(file.path, { ...NEVER, timeoutMs: 1_000 })).rejects.toMatchObject(TOO_LONG);
  });

  test('more tiles than the file has bytes are refused', async () => {
    await file.make(`CREATE VIEW tiles AS WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT 0 FROM r)
      SELECT n AS zoom_level, n AS tile_column, n AS tile_row, x'01' AS tile_data FROM r`);
    await using reader = (await openForeignMbtiles(file.path, NEVER))!;
    const all = async (): Promise<void> => {
      for await (const tile of reader.list(NEVER)) expect(tile).toEqual({ z: 0, x: 0, y: 0 });
    };
    await expect(all()).rejects.toMatchObject({ ...INVALID, message: expect.stringContaining('found more than the') });
  });

  test('whoever waits is told when it is aborted or closed', async () => {
    await file.make(`CREATE VIEW tiles AS SELECT n AS zoom_level, 0 AS tile_column, 0 AS tile_row, x'01' AS tile_data
      FROM (${ENDLESS})`);
    const reader = (await openForeignMbtiles(file.path, NEVER))!;
    const aborting = new AbortController();
    const aborted = reader.tile({ z: 0, x: 0, y: 0 }, { signal: aborting.signal });
    const closed = reader.tile({ z: 0, x: 0, y: 0 }, NEVER);
    aborting.abort();
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
    await Promise.all([
      expect(closed).rejects.toMatchObject({ ...INVALID, message: expect.stringContaining('closed') }),
      reader[Symbol.asyncDispose](),
    ]);
  });
});
