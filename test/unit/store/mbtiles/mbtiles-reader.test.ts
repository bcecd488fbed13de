import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDatabase } from '../../../../src/store/mbtiles/open-database.ts';
import { openMbtiles } from '../../../../src/store/mbtiles/mbtiles-reader.ts';

const NEVER = { signal: new AbortController().signal };
const INVALID = { code: 'ARCHIVE_INVALID' };

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mbtiles-reader-'));
  path = join(folder, 'foreign.mbtiles');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Makes a file by SQL. */
async function make(...statements: readonly string[]): Promise<void> {
  await writeFile(path, '');
  const database = await openDatabase(path, { readOnly: false });
  try {
    for (const sql of statements) database.exec(sql);
  } finally {
    database.close();
  }
}

const TILES = 'CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB)';
const METADATA = 'CREATE TABLE metadata (name TEXT, value TEXT)';

async function tilesIn(): Promise<readonly string[]> {
  await using reader = (await openMbtiles(path))!;
  const tiles: string[] = [];
  for await (const { z, x, y } of reader.list(NEVER)) tiles.push(`${z}/${x}/${y}`);
  return tiles.sort();
}

describe('MBTiles reader', { timeout: 60_000 }, () => {
  test('reads a plain table without index and metadata', async () => {
    await make(TILES, "INSERT INTO tiles VALUES (2, 1, 0, x'89504e47'), (0, 0, 0, x'01')");
    await using reader = (await openMbtiles(path))!;
    expect(reader.tile({ z: 2, x: 1, y: 3 })).toEqual(Uint8Array.of(0x89, 0x50, 0x4e, 0x47));
    expect(reader.tile({ z: 2, x: 1, y: 0 })).toBeNull();
    expect(reader.metadata).toMatchObject({ name: null, format: null, bbox: null, minzoom: null });
    expect(reader.zooms()).toEqual({ minzoom: 0, maxzoom: 2 });
    expect(await tilesIn()).toEqual(['0/0/0', '2/1/3']);
  });

  test('reads a view over map and images, as others write it', async () => {
    await make(
      'CREATE TABLE map (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_id TEXT)',
      'CREATE TABLE images (tile_data BLOB, tile_id TEXT)',
      'CREATE VIEW tiles AS SELECT zoom_level, tile_column, tile_row, tile_data FROM map JOIN images USING (tile_id)',
      "INSERT INTO map VALUES (1, 0, 0, 'a'), (1, 1, 1, 'a')",
      "INSERT INTO images VALUES (x'0102', 'a')",
    );
    await using reader = (await openMbtiles(path))!;
    expect(reader.tile({ z: 1, x: 1, y: 0 })).toEqual(Uint8Array.of(1, 2));
    expect(await tilesIn()).toEqual(['1/0/1', '1/1/0']);
  });

  test('reads metadata as they are found in the field', async () => {
    await make(
      TILES,
      METADATA,
      `INSERT INTO metadata VALUES ('name', 'Žiža'), ('format', 'image/avif'), ('bounds', ' -10, -20,30,40.5 '),
        ('center', '1,2,3'), ('minzoom', 4), ('maxzoom', '9'), ('json', '{}'), ('tileSize', '512')`,
    );
    await using reader = (await openMbtiles(path))!;
    expect(reader.metadata).toEqual({
      name: 'Žiža',
      format: 'avif',
      bbox: [-10, -20, 30, 40.5],
      center: [1, 2, 3],
      minzoom: 4,
      maxzoom: 9,
      attribution: null,
      description: null,
      type: null,
      version: null,
      tileSize: 512,
    });
    expect(reader.zooms()).toEqual({ minzoom: 4, maxzoom: 9 });
  });

  test.each([
    ['bounds', '1,2,3'],
    ['bounds', '1,2,3,north'],
    ['bounds', '0,10,1,9'],
    ['bounds', '-1000,-90,1000,90'],
    ['center', '1,,3'],
    ['minzoom', '3.5'],
    ['maxzoom', '99'],
  ])('says which of the metadata is wrong: %s = %s', async (name, value) => {
    await make(TILES, METADATA, `INSERT INTO metadata VALUES ('${name}', '${value}')`);
    await expect(openMbtiles(path)).rejects.toMatchObject({ ...INVALID, message: expect.stringContaining(name) });
  });

  test('no file is nothing; what is no MBTiles file is said', async () => {
    expect(await openMbtiles(path)).toBeNull();
    await writeFile(path, 'PMTiles\u0003');
    await expect(openMbtiles(path)).rejects.toMatchObject(INVALID);
    await writeFile(path, '');
    await expect(openMbtiles(path)).rejects.toMatchObject(INVALID);
    await expect(openMbtiles(folder)).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
    await make('CREATE TABLE features (id INTEGER)');
    await expect(openMbtiles(path)).rejects.toMatchObject({
      ...INVALID,
      message: expect.stringContaining('without a table "tiles"'),
    });
    await make('CREATE TABLE tiles (z INTEGER)');
    await expect(openMbtiles(path)).rejects.toMatchObject(INVALID);
  });

  test.each([
    "(1, 2, 0, x'01')",
    "(1, 0, -1, x'01')",
    "(31, 0, 0, x'01')",
    "('one', 0, 0, x'01')",
    "(1, 0.5, 0, x'01')",
  ])('refuses the address of the tile %s', async (values) => {
    await make(TILES, `INSERT INTO tiles VALUES ${values}`);
    await expect(tilesIn()).rejects.toMatchObject(INVALID);
  });

  test('a tile of more than 64 MiB, or of none but a text, is not read', async () => {
    await make(TILES, "INSERT INTO tiles VALUES (0, 0, 0, zeroblob(67108865)), (1, 0, 0, 'text'), (1, 1, 0, NULL)");
    await using reader = (await openMbtiles(path))!;
    expect(() => reader.tile({ z: 0, x: 0, y: 0 })).toThrow(expect.objectContaining(INVALID));
    expect(() => reader.tile({ z: 1, x: 0, y: 1 })).toThrow(expect.objectContaining(INVALID));
    expect(() => reader.tile({ z: 1, x: 1, y: 1 })).toThrow(expect.objectContaining(INVALID));
  });

  test('damage is said to be damage, wherever it is', async () => {
    const rows = Array.from({ length: 3_000 }, (_, n) => `(12, ${n}, ${n}, zeroblob(50))`).join();
    await make(
      TILES,
      'CREATE UNIQUE INDEX i ON tiles (zoom_level, tile_column, tile_row)',
      `INSERT INTO tiles VALUES ${rows}`,
    );
    const whole = await readFile(path);
    for (let page = 0; page * 4_096 < whole.length; page += 3) {
      const damaged = Buffer.from(whole);
      damaged.fill(0xff, page * 4_096 + (page === 0 ? 16 : 0), page * 4_096 + 200);
      await writeFile(path, damaged);
      const read = async (): Promise<void> => {
        await using reader = await openMbtiles(path);
        for (let n = 0; n < 3_000; n += 7) reader?.tile({ z: 12, x: n, y: 4_095 - n });
        await tilesIn();
      };
      await expect(read(), `page ${page}`).rejects.toMatchObject(INVALID);
    }
    await writeFile(path, whole.subarray(0, whole.length / 2));
    await expect(tilesIn()).rejects.toMatchObject(INVALID);
  });

  test('what is whole is read, also after what is damaged', async () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => `(12, ${n}, ${n}, zeroblob(50))`).join();
    const index = 'CREATE UNIQUE INDEX i ON tiles (zoom_level, tile_column, tile_row)';
    await make(TILES, `INSERT INTO tiles VALUES ${rows}`, index);
    const bytes = await readFile(path);
    // The fourth page, of the table: the index is behind it.
    bytes.fill(0xff, 3 * 4_096, 3 * 4_096 + 200);
    await writeFile(path, bytes);
    await using reader = (await openMbtiles(path))!;
    const found = Array.from({ length: 1_000 }, (_, n) => {
      try {
        return reader.tile({ z: 12, x: n, y: 4_095 - n }) === null ? 'nothing' : 'tile';
      } catch (error) {
        return (error as { code?: unknown }).code;
      }
    });
    expect(new Set(found)).toEqual(new Set(['tile', 'ARCHIVE_INVALID']));
  });

  test('reads where nothing can be written, and writes nothing beside the file', async () => {
    await make(TILES, "INSERT INTO tiles VALUES (0, 0, 0, x'01')");
    await chmod(path, 0o400);
    await chmod(folder, 0o500);
    await using reader = (await openMbtiles(path))!;
    await chmod(folder, 0o700);
    expect(reader.tile({ z: 0, x: 0, y: 0 })).toEqual(Uint8Array.of(1));
    expect(await readdir(folder)).toEqual(['foreign.mbtiles']);
  });

  test('a file that somebody is writing is refused', async () => {
    await make(TILES);
    for (const ending of ['-journal', '-wal']) {
      await writeFile(path + ending, 'changes');
      await expect(openMbtiles(path)).rejects.toMatchObject({ ...INVALID, message: expect.stringContaining(ending) });
      // What was closed leaves an empty one at most.
      await writeFile(path + ending, '');
      await using reader = await openMbtiles(path);
      expect(reader).not.toBeNull();
    }
  });

  test('a listing that is left early leaves nothing open, and one that is aborted ends', async () => {
    await make(TILES, "INSERT INTO tiles VALUES (1, 0, 0, x'01'), (1, 1, 0, x'01'), (1, 1, 1, x'01')");
    const reader = (await openMbtiles(path))!;
    for await (const tile of reader.list(NEVER)) {
      expect(tile.z).toBe(1);
      break;
    }
    const aborting = new AbortController();
    const listing = reader.list({ signal: aborting.signal });
    await listing.next();
    aborting.abort();
    await expect(listing.next()).rejects.toMatchObject({ name: 'AbortError' });
    await reader[Symbol.asyncDispose]();
    await reader[Symbol.asyncDispose]();
    expect(() => reader.tile({ z: 0, x: 0, y: 0 })).toThrow(expect.objectContaining(INVALID));
  });
});
