import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../../src/store/mbtiles/open-database.ts';
import { openMbtiles } from '../../../../src/store/mbtiles/mbtiles-reader.ts';
import { MbtilesWriter } from '../../../../src/store/mbtiles/mbtiles-writer.ts';
import { tileFromTileId, tileIdFromTile } from '../../../../src/tms/tile-id.ts';
import { freshFolder } from '../../../support/fresh-folder.ts';
import { DESCRIPTION } from '../../../support/memory-archive.ts';

const NEVER = { signal: new AbortController().signal };

const folder = freshFolder('mbtiles-writer');

/** Of 1 to 9,000 bytes, some of which many tiles share. */
function contentOf(tileId: number): Uint8Array {
  const length = tileId % 3 === 0 ? 104 : 1 + ((tileId * 7_919) % 9_000);
  return new Uint8Array(length).fill(tileId % 3 === 0 ? 1 : tileId);
}

async function write(path: string, tileIds: Iterable<number>): Promise<Buffer> {
  using writer = await MbtilesWriter.create(path);
  for (const tileId of tileIds) writer.add(tileId, contentOf(tileId));
  await writer.finish(DESCRIPTION);
  return await readFile(path);
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, n) => n);
}

describe('MBTiles writer', { timeout: 60_000 }, () => {
  test('every tile is read as it was written', async () => {
    const path = join(folder.path, 'a.mbtiles');
    const ids = range(1_500).filter((id) => id % 11 !== 5);
    await write(path, ids);
    await using reader = (await openMbtiles(path))!;
    const read = range(1_500).filter((id) => {
      const found = reader.tile(tileFromTileId(id));
      return found !== null && Buffer.compare(found, contentOf(id)) === 0;
    });
    expect(read).toEqual(ids);
    expect(reader.tile(tileFromTileId(5))).toBeNull();
    const listed: number[] = [];
    for await (const tile of reader.list(NEVER)) listed.push(tileIdFromTile(tile));
    expect(listed.sort((a, b) => a - b)).toEqual(ids);
  });

  test('the schema is that of the specification: rows from the south, equal contents once', async () => {
    const path = join(folder.path, 'a.mbtiles');
    using writer = await MbtilesWriter.create(path);
    for (const [x, y] of [
      [0, 0],
      [0, 1],
      [1, 1],
    ] as const) {
      writer.add(tileIdFromTile({ z: 1, x, y }), Uint8Array.of(x === 0 ? 9 : 8));
    }
    expect(await writer.finish(DESCRIPTION)).toMatchObject({ tiles: 3, contents: 2 });
    const database = await openDatabase(path, { readOnly: true });
    try {
      expect(database.all('SELECT * FROM tiles ORDER BY 1, 2, 3')).toEqual([
        { zoom_level: 1, tile_column: 0, tile_row: 0, tile_data: Uint8Array.of(9) },
        { zoom_level: 1, tile_column: 0, tile_row: 1, tile_data: Uint8Array.of(9) },
        { zoom_level: 1, tile_column: 1, tile_row: 0, tile_data: Uint8Array.of(8) },
      ]);
      expect(database.all('SELECT count(*) AS n FROM images')).toEqual([{ n: 2 }]);
      expect(database.get('PRAGMA application_id')).toEqual({ application_id: 0x4d504258 });
      expect(database.all('PRAGMA integrity_check')).toEqual([{ integrity_check: 'ok' }]);
      // The unique index that the specification asks for is the table's own.
      expect(() => database.run('INSERT INTO map VALUES (1, 0, 0, 1)')).toThrow(/readonly|read-only|UNIQUE/);
      const rows = database.all('SELECT name, value FROM metadata');
      expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual({
        name: 'made',
        format: 'png',
        bounds: '15,45,16.5,47',
        center: '15.75,46,1',
        minzoom: '1',
        maxzoom: '1',
        type: 'baselayer',
        tileSize: '256',
        provenance: '{"software":"tilewright"}',
      });
    } finally {
      database.close();
    }
  });

  test('the same tiles give the same bytes, whatever was written before in the process', async () => {
    const first = await write(join(folder.path, 'a.mbtiles'), range(1_000));
    await write(join(folder.path, 'other.mbtiles'), range(3_000));
    const again = await write(join(folder.path, 'b.mbtiles'), range(1_000));
    expect(again.equals(first)).toBe(true);
    expect((await write(join(folder.path, 'c.mbtiles'), range(999))).equals(first)).toBe(false);
  });

  test('leaves nothing beside the file, and no lock in the way of another', async () => {
    await mkdir(join(folder.path, 'b.mbtiles.lock'));
    await write(join(folder.path, 'b.mbtiles'), [0]);
    await using one = (await openMbtiles(join(folder.path, 'b.mbtiles')))!;
    await using two = (await openMbtiles(join(folder.path, 'b.mbtiles')))!;
    expect(one.tile({ z: 0, x: 0, y: 0 })).toEqual(two.tile({ z: 0, x: 0, y: 0 }));
    expect((await readdir(folder.path)).sort()).toEqual(['b.mbtiles', 'b.mbtiles.lock']);
  });

  test('takes tiles by ascending tile ID only, and none without a byte', async () => {
    using writer = await MbtilesWriter.create(join(folder.path, 'a.mbtiles'));
    writer.add(7, Uint8Array.of(1));
    for (const id of [7, 3]) {
      expect(() => writer.add(id, Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'ARCHIVE_INVALID' }));
    }
    expect(() => writer.add(8, new Uint8Array())).toThrow(expect.objectContaining({ code: 'ARCHIVE_INVALID' }));
  });

  test('refuses to make a file without a tile, or in the place of another', async () => {
    const path = join(folder.path, 'a.mbtiles');
    using writer = await MbtilesWriter.create(path);
    await expect(writer.finish(DESCRIPTION)).rejects.toMatchObject({ code: 'ARCHIVE_INVALID' });
    await writeFile(join(folder.path, 'b.mbtiles'), 'something');
    await expect(MbtilesWriter.create(join(folder.path, 'b.mbtiles'))).rejects.toMatchObject({ code: 'EEXIST' });
    expect(await readFile(join(folder.path, 'b.mbtiles'), 'utf8')).toBe('something');
  });
});
