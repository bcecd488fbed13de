import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { openMbtiles } from '../../../../src/store/mbtiles/mbtiles-reader.ts';
import { foreignMbtilesFile, METADATA_TABLE, TILES_TABLE } from '../../../support/foreign-mbtiles-file.ts';

const NEVER = { signal: new AbortController().signal };
const INVALID = { code: 'ARCHIVE_INVALID' };

const file = foreignMbtilesFile();

async function tilesIn(): Promise<readonly string[]> {
  await using reader = (await openMbtiles(file.path))!;
  const tiles: string[] = [];
  for await (const { z, x, y } of reader.list(NEVER)) tiles.push(`${z}/${x}/${y}`);
  return tiles.sort();
}

describe('MBTiles reader', { timeout: 60_000 }, () => {
  test('reads a plain table without index and metadata', async () => {
    await file.make(TILES_TABLE, "INSERT INTO tiles VALUES (2, 1, 0, x'89504e47'), (0, 0, 0, x'01')");
    await using reader = (await openMbtiles(file.path))!;
    expect(reader.tile({ z: 2, x: 1, y: 3 })).toEqual(Uint8Array.of(0x89, 0x50, 0x4e, 0x47));
    expect(reader.tile({ z: 2, x: 1, y: 0 })).toBeNull();
    expect(reader.metadata).toMatchObject({ name: null, format: null, bbox: null, minzoom: null });
    expect(reader.zooms()).toEqual({ minzoom: 0, maxzoom: 2 });
    expect(await tilesIn()).toEqual(['0/0/0', '2/1/3']);
  });

  test('reads a view over map and images, as others write it', async () => {
    await file.make(
      'CREATE TABLE map (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_id TEXT)',
      'CREATE TABLE images (tile_data BLOB, tile_id TEXT)',
      'CREATE VIEW tiles AS SELECT zoom_level, tile_column, tile_row, tile_data FROM map JOIN images USING (tile_id)',
      "INSERT INTO map VALUES (1, 0, 0, 'a'), (1, 1, 1, 'a')",
      "INSERT INTO images VALUES (x'0102', 'a')",
    );
    await using reader = (await openMbtiles(file.path))!;
    expect(reader.tile({ z: 1, x: 1, y: 0 })).toEqual(Uint8Array.of(1, 2));
    expect(await tilesIn()).toEqual(['1/0/1', '1/1/0']);
  });

  test('reads metadata as they are found in the field', async () => {
    await file.make(
      TILES_TABLE,
      METADATA_TABLE,
      `INSERT INTO metadata VALUES ('name', 'Žiža'), ('format', 'image/avif'), ('bounds', ' -10, -20,30,40.5 '),
        ('center', '1,2,3'), ('minzoom', 4), ('maxzoom', '9'), ('json', '{}'), ('tileSize', '512')`,
    );
    await using reader = (await openMbtiles(file.path))!;
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
    await file.make(TILES_TABLE, METADATA_TABLE, `INSERT INTO metadata VALUES ('${name}', '${value}')`);
    await expect(openMbtiles(file.path)).rejects.toMatchObject({ ...INVALID, message: expect.stringContaining(name) });
  });

  test('no file is nothing; what is no MBTiles file is said', async () => {
    expect(await openMbtiles(file.path)).toBeNull();
    await writeFile(file.path, 'PMTiles\u0003');
    await expect(openMbtiles(file.path)).rejects.toMatchObject(INVALID);
    await writeFile(file.path, '');
    await expect(openMbtiles(file.path)).rejects.toMatchObject(INVALID);
    await expect(openMbtiles(file.folder)).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
    await file.make('CREATE TABLE features (id INTEGER)');
    await expect(openMbtiles(file.path)).rejects.toMatchObject({
      ...INVALID,
      message: expect.stringContaining('without a table "tiles"'),
    });
    await file.make('CREATE TABLE tiles (z INTEGER)');
    await expect(openMbtiles(file.path)).rejects.toMatchObject(INVALID);
  });

  test.each([
    "(1, 2, 0, x'01')",
    "(1, 0, -1, x'01')",
    "(31, 0, 0, x'01')",
    "('one', 0, 0, x'01')",
    "(1, 0.5, 0, x'01')",
  ])('refuses the address of the tile %s', async (values) => {
    await file.make(TILES_TABLE, `INSERT INTO tiles VALUES ${values}`);
    await expect(tilesIn()).rejects.toMatchObject(INVALID);
  });

  test('a tile of more than 64 MiB, or of none but a text, is not read', async () => {
    await file.make(
      TILES_TABLE,
      "INSERT INTO tiles VALUES (0, 0, 0, zeroblob(67108865)), (1, 0, 0, 'text'), (1, 1, 0, NULL)",
    );
    await using reader = (await openMbtiles(file.path))!;
    expect(() => reader.tile({ z: 0, x: 0, y: 0 })).toThrow(expect.objectContaining(INVALID));
    expect(() => reader.tile({ z: 1, x: 0, y: 1 })).toThrow(expect.objectContaining(INVALID));
    expect(() => reader.tile({ z: 1, x: 1, y: 1 })).toThrow(expect.objectContaining(INVALID));
  });

  test('damage is said to be damage, wherever it is', async () => {
    const rows = Array.from({ length: 3_000 }, (_, n) => `(12, ${n}, ${n}, zeroblob(50))`).join();
    await file.make(
      TILES_TABLE,
      'CREATE UNIQUE INDEX i ON tiles (zoom_level, tile_column, tile_row)',
      `INSERT INTO tiles VALUES ${rows}`,
    );
    const whole = await readFile(file.path);
    for (let page = 0; page * 4_096 < whole.length; page += 3) {
      const damaged = Buffer.from(whole);
      damaged.fill(0xff, page * 4_096 + (page === 0 ? 16 : 0), page * 4_096 + 200);
      await writeFile(file.path, damaged);
      const read = async (): Promise<void> => {
        await using reader = await openMbtiles(file.path);
        for (let n = 0; n < 3_000; n += 7) reader?.tile({ z: 12, x: n, y: 4_095 - n });
        await tilesIn();
      };
      await expect(read(), `page ${page}`).rejects.toMatchObject(INVALID);
    }
    await writeFile(file.path, whole.subarray(0, whole.length / 2));
    await expect(tilesIn()).rejects.toMatchObject(INVALID);
  });

  test('what is whole is read, also after what is damaged', async () => {
    const rows = Array.from({ length: 1_000 }, (_, n) => `(12, ${n}, ${n}, zeroblob(50))`).join();
    const index = 'CREATE UNIQUE INDEX i ON tiles (zoom_level, tile_column, tile_row)';
    await file.make(TILES_TABLE, `INSERT INTO tiles VALUES ${rows}`, index);
    const bytes = await readFile(file.path);
    // The fourth page, of the table: the index is behind it.
    bytes.fill(0xff, 3 * 4_096, 3 * 4_096 + 200);
    await writeFile(file.path, bytes);
    await using reader = (await openMbtiles(file.path))!;
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
    await file.make(TILES_TABLE, "INSERT INTO tiles VALUES (0, 0, 0, x'01')");
    await chmod(file.path, 0o400);
    await chmod(file.folder, 0o500);
    await using reader = (await openMbtiles(file.path))!;
    await chmod(file.folder, 0o700);
    expect(reader.tile({ z: 0, x: 0, y: 0 })).toEqual(Uint8Array.of(1));
    expect(await readdir(file.folder)).toEqual(['foreign.mbtiles']);
  });

  test('a file that somebody is writing is refused', async () => {
    await file.make(TILES_TABLE);
    for (const ending of ['-journal', '-wal']) {
      await writeFile(file.path + ending, 'changes');
      await expect(openMbtiles(file.path)).rejects.toMatchObject({
        ...INVALID,
        message: expect.stringContaining(ending),
      });
      // What was closed leaves an empty one at most.
      await writeFile(file.path + ending, '');
      await using reader = await openMbtiles(file.path);
      expect(reader).not.toBeNull();
    }
  });

  test('a listing that is left early leaves nothing open, and one that is aborted ends', async () => {
    await file.make(TILES_TABLE, "INSERT INTO tiles VALUES (1, 0, 0, x'01'), (1, 1, 0, x'01'), (1, 1, 1, x'01')");
    const reader = (await openMbtiles(file.path))!;
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
