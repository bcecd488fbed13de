import { open } from 'node:fs/promises';
import { TilerError } from '../../errors.ts';
import { tileFromTileId } from '../../tms/tile-id.ts';
import type { ArchiveDescription } from '../pmtiles/archive-writer.ts';
import { ContentTable } from '../pmtiles/content-table.ts';
import { metadataToRows } from './mbtiles-metadata.ts';
import { finalizeStatement, fromSqliteError, openDatabase } from './open-database.ts';
import type { Database, Statement } from './open-database.ts';

/** What a file came to. */
export interface MbtilesSummary {
  readonly tiles: number;
  /** Different contents, as far as they are shared. */
  readonly contents: number;
  readonly bytes: number;
}

/** "MPBX", by which `file` and GDAL know an MBTiles file. */
const APPLICATION_ID = 0x4d504258;

/** Of the choices from 512 to 65,536 the one that wastes the least space, among those that read fastest. */
const PAGE_BYTES = 4_096;

/** Pages that wait to be written. What is inserted along the Hilbert curve stays in a few of the map's pages. */
const CACHE_KIBIBYTES = 16 * 1024;

/**
 * Nothing is undone here: a file that is not finished is thrown away, and it is synced once, when it is whole. The file is
 * of one transaction, so that its header does not tell how it was written.
 */
const WRITE_ONCE = `
  PRAGMA page_size = ${PAGE_BYTES};
  PRAGMA synchronous = OFF;
  PRAGMA cache_size = -${CACHE_KIBIBYTES};
  BEGIN;
  PRAGMA application_id = ${APPLICATION_ID}`;

/** `tiles` is a view, as the specification allows: equal contents are there once, and the index of the map is the map. */
const SCHEMA = `
  CREATE TABLE metadata (name TEXT NOT NULL PRIMARY KEY, value TEXT) WITHOUT ROWID;
  CREATE TABLE map (
    zoom_level INTEGER NOT NULL, tile_column INTEGER NOT NULL, tile_row INTEGER NOT NULL, tile_id INTEGER NOT NULL,
    PRIMARY KEY (zoom_level, tile_column, tile_row)
  ) WITHOUT ROWID;
  CREATE TABLE images (tile_id INTEGER PRIMARY KEY, tile_data BLOB NOT NULL);
  CREATE VIEW tiles AS
    SELECT map.zoom_level, map.tile_column, map.tile_row, images.tile_data
    FROM map JOIN images ON images.tile_id = map.tile_id`;

/**
 * Writes an MBTiles file from tiles by ascending tile ID: the same tiles and description give the same bytes, whoever made
 * the tiles in which order. Keeps the digests of 65,536 small contents, some 10 MB, and 16 MiB of pages, whatever the number
 * of tiles.
 *
 * Inserting is synchronous, some microseconds a tile: who adds many lets others take their turn in between.
 *
 * @see MBTiles specification 1.3
 */
export class MbtilesWriter implements Disposable {
  private readonly path: string;
  private readonly database: Database;
  private readonly statements: { readonly map: Statement; readonly image: Statement };
  private readonly contents = new ContentTable<number>();
  private lastId = -1;
  private firstId = -1;
  private tiles = 0;
  private images = 0;

  private constructor(path: string, database: Database) {
    this.path = path;
    this.database = database;
    this.statements = {
      map: database.prepare('INSERT INTO map VALUES (?, ?, ?, ?)'),
      image: database.prepare('INSERT INTO images VALUES (?, ?)'),
    };
  }

  /**
   * Begins a file. What is at the path is whole once `finish` has returned; disposed of before that, a part of it stays.
   *
   * @throws TilerError `STORE_UNAVAILABLE`, and errors of the file system: `EEXIST` if something is at the path
   */
  static async create(path: string): Promise<MbtilesWriter> {
    await (await open(path, 'wx')).close();
    try {
      const database = await openDatabase(path, { readOnly: false });
      try {
        database.exec(WRITE_ONCE);
        database.exec(SCHEMA);
        return new MbtilesWriter(path, database);
      } catch (error) {
        database.close();
        throw error;
      }
    } catch (error) {
      throw fromSqliteError(error, 'STORE_UNAVAILABLE', `Beginning ${path}`);
    }
  }

  /** Adds a tile. @throws TilerError `ARCHIVE_INVALID` unless its tile ID is above all before; `STORE_UNAVAILABLE` */
  add(tileId: number, bytes: Uint8Array): void {
    if (tileId <= this.lastId || bytes.length === 0) {
      const found = bytes.length === 0 ? 'found no byte' : `expected one above ${this.lastId}`;
      throw new TilerError('ARCHIVE_INVALID', `Adding the tile ID ${tileId}: ${found}`);
    }
    const { z, x, y } = tileFromTileId(tileId);
    const { content, isNew } = this.contents.place(bytes, () => ++this.images);
    this.writing(() => {
      if (isNew) this.statements.image.run([content, bytes]);
      // Rows are counted from the south here.
      this.statements.map.run([z, x, 2 ** z - 1 - y, content]);
    });
    if (this.tiles === 0) this.firstId = tileId;
    this.lastId = tileId;
    this.tiles++;
  }

  /**
   * Writes the metadata and closes the file, which is on the disk then.
   *
   * @throws TilerError `ARCHIVE_INVALID` if there is no tile, `STORE_UNAVAILABLE`
   */
  async finish(description: Pick<ArchiveDescription, 'bbox' | 'metadata'>): Promise<MbtilesSummary> {
    const { tiles, images: contents, database } = this;
    if (tiles === 0) {
      throw new TilerError('ARCHIVE_INVALID', 'Finishing an MBTiles file: found no tile, expected one at least');
    }
    const zooms = { minzoom: tileFromTileId(this.firstId).z, maxzoom: tileFromTileId(this.lastId).z };
    this.writing(() => {
      for (const row of metadataToRows(description, zooms))
        database.run('INSERT INTO metadata VALUES (?, ?)', [...row]);
      database.exec('COMMIT');
    });
    this[Symbol.dispose]();
    await using file = await open(this.path, 'r+');
    await file.sync();
    return { tiles, contents, bytes: (await file.stat()).size };
  }

  [Symbol.dispose](): void {
    if (!this.database.isOpen) return;
    for (const statement of Object.values(this.statements)) finalizeStatement(statement);
    this.database.close();
  }

  private writing(work: () => void): void {
    try {
      work();
    } catch (error) {
      throw fromSqliteError(error, 'STORE_UNAVAILABLE', `Writing ${this.path}`);
    }
  }
}
