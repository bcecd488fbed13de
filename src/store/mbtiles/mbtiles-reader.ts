import { open, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TilerError } from '../../errors.ts';
import type { Tile } from '../../tms/tile.ts';
import { fromFileError, isMissing } from '../file-error.ts';
import type { StoreCallOptions } from '../tile-store.ts';
import { parseMetadataRows } from './mbtiles-metadata.ts';
import type { MbtilesMetadata } from './mbtiles-metadata.ts';
import { finalizeStatement, fromSqliteError, openDatabase } from './open-database.ts';
import type { Database, Statement } from './open-database.ts';

/** Most bytes of a tile, and of a value of the metadata; vector tiles have long ones. */
const MAX_TILE_BYTES = 64 * 1024 * 1024;
const MAX_VALUE_BYTES = 4 * 1024 * 1024;
const MAX_METADATA_ROWS = 1_000;

const MAX_ZOOM = 30;

/** Rows of a listing between which others have their turn. */
const ROWS_AT_ONCE = 1_000;

const MAGIC = 'SQLite format 3\0';

/** Foreign files: no function of this process is called from their schema, and damaged pages are looked for. */
const SETTINGS = `
  PRAGMA trusted_schema = OFF;
  PRAGMA cell_size_check = ON;
  PRAGMA query_only = ON;
  PRAGMA cache_size = -8192`;

const TILE_QUERY = `
  SELECT length(tile_data) AS length, CASE WHEN length(tile_data) <= ${MAX_TILE_BYTES} THEN tile_data END AS bytes
  FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ? LIMIT 1`;

/**
 * Opens an MBTiles file for reading, ours or not: `tiles` may be a table or a view. Nothing is written, beside it neither.
 * What lies in the file is not trusted; but its own SQL is run, which may never end: `openForeignMbtiles` does that in a
 * thread.
 *
 * @returns null if there is no file
 * @throws TilerError `ARCHIVE_INVALID` if it is none, or somebody is writing it; `STORE_FORBIDDEN`, `STORE_UNAVAILABLE`
 */
export async function openMbtiles(path: string): Promise<MbtilesReader | null> {
  const fileBytes = await checkFile(path);
  if (fileBytes === null) return null;
  const invalid = (error: unknown): unknown =>
    fromFileError(fromSqliteError(error, 'ARCHIVE_INVALID', `Opening ${path}`), `Opening ${path}`);
  let database: Database;
  try {
    database = await openDatabase(path, { readOnly: true });
  } catch (error) {
    throw invalid(error);
  }
  try {
    return new MbtilesReader(path, database, fileBytes);
  } catch (error) {
    database.close();
    throw invalid(error);
  }
}

/** An MBTiles file that is open. Reading a tile is synchronous, some ten microseconds once its pages are in memory. */
export class MbtilesReader implements AsyncDisposable {
  readonly label: string;
  readonly metadata: MbtilesMetadata;
  private readonly database: Database;
  /** More tiles than bytes: a view makes them up, or pages are there more than once. */
  private readonly maxTiles: number;
  private tileQuery: Statement | null = null;

  /** @throws TilerError `ARCHIVE_INVALID`, and the error of SQLite for a file without tiles */
  constructor(label: string, database: Database, fileBytes: number) {
    this.label = label;
    this.database = database;
    this.maxTiles = fileBytes;
    database.exec(SETTINGS);
    this.metadata = parseMetadataRows(this.metadataRows(), label);
    this.tileQuery = database.prepare(TILE_QUERY);
  }

  /** A tile as it lies in the file; null if there is none. @throws TilerError `ARCHIVE_INVALID` */
  tile({ z, x, y }: Tile): Uint8Array | null {
    return this.reading(`the tile ${z}/${x}/${y}`, (invalid) => {
      const row = this.queryTile([z, x, 2 ** z - 1 - y]);
      if (row === null) return null;
      const { length, bytes } = row;
      if (bytes instanceof Uint8Array) return bytes;
      const found = typeof length === 'number' && length > MAX_TILE_BYTES ? `${length} bytes` : `no bytes`;
      throw invalid(`found ${found}, expected at most ${MAX_TILE_BYTES} bytes`);
    });
  }

  /** Addresses of all tiles, in no stated order. @throws TilerError `ARCHIVE_INVALID` */
  async *list({ signal }: StoreCallOptions): AsyncGenerator<Tile> {
    const statement = this.reading('the tiles', () =>
      this.database.prepare('SELECT zoom_level AS z, tile_column AS x, tile_row AS row FROM tiles'),
    );
    try {
      const rows = statement.iterate();
      for (let count = 1; ; count++) {
        signal.throwIfAborted();
        const tile = this.reading('the tiles', (invalid) => {
          const next = rows.next();
          if (next.done === true) return null;
          if (count > this.maxTiles) throw invalid(`found more than the ${this.maxTiles} bytes of the file`);
          return tileOfRow(next.value, invalid);
        });
        if (tile === null) return;
        yield tile;
        if (count % ROWS_AT_ONCE === 0) await nextTurn();
      }
    } finally {
      if (this.database.isOpen) finalizeStatement(statement);
    }
  }

  /** Zooms of the tiles, as the metadata say, or else as they are; null if there is no tile. @throws TilerError `ARCHIVE_INVALID` */
  zooms(): { readonly minzoom: number; readonly maxzoom: number } | null {
    const { minzoom, maxzoom } = this.metadata;
    if (minzoom !== null && maxzoom !== null) return { minzoom, maxzoom };
    return this.reading('the zooms', (invalid) => {
      const row = this.database.get('SELECT min(zoom_level) AS first, max(zoom_level) AS last FROM tiles');
      const { first, last } = row ?? {};
      if (first === null || first === undefined) return null;
      if (isZoom(first) && isZoom(last)) return { minzoom: first, maxzoom: last };
      throw invalid(`found something else than numbers from 0 to ${MAX_ZOOM}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.database.isOpen) return;
    this.forgetQuery();
    this.database.close();
    await Promise.resolve();
  }

  private queryTile(address: number[]): Readonly<Record<string, unknown>> | null {
    this.tileQuery ??= this.database.prepare(TILE_QUERY);
    try {
      return this.tileQuery.get(address);
    } catch (error) {
      // It would fail once more for the next tile.
      this.forgetQuery();
      throw error;
    }
  }

  private forgetQuery(): void {
    if (this.tileQuery !== null) finalizeStatement(this.tileQuery);
    this.tileQuery = null;
  }

  private metadataRows(): ReadonlyMap<string, string> {
    const tables = this.database.all("SELECT name FROM sqlite_master WHERE name IN ('metadata', 'tiles')");
    const names = new Set(tables.map(({ name }) => name));
    if (!names.has('tiles')) {
      throw new TilerError('ARCHIVE_INVALID', `Opening ${this.label}: found a database without a table "tiles"`);
    }
    if (!names.has('metadata')) return new Map();
    const rows = this.database.all(
      `SELECT name, value FROM metadata WHERE length(value) <= ${MAX_VALUE_BYTES} LIMIT ${MAX_METADATA_ROWS}`,
    );
    return new Map(rows.map(({ name, value }) => [textOf(name), textOf(value)]));
  }

  private reading<T>(what: string, read: (invalid: (found: string) => TilerError) => T): T {
    const attempted = `Reading ${what} of ${this.label}`;
    try {
      return read((found) => new TilerError('ARCHIVE_INVALID', `${attempted}: ${found}`));
    } catch (error) {
      throw fromSqliteError(error, 'ARCHIVE_INVALID', attempted);
    }
  }
}

/** @returns its length; null if there is no file */
async function checkFile(path: string): Promise<number | null> {
  const head = Buffer.alloc(MAGIC.length);
  let bytes: number;
  try {
    await using file = await open(path, 'r');
    await file.read(head, 0, head.length, 0);
    bytes = (await file.stat()).size;
    for (const ending of ['-journal', '-wal']) {
      const beside = await sizeOf(path + ending);
      if (beside === 0) continue;
      const found = `its newest changes are in ${basename(path)}${ending}: it is being written, or was not closed`;
      throw new TilerError('ARCHIVE_INVALID', `Opening ${path}: ${found}`);
    }
  } catch (error) {
    if (isMissing(error)) return null;
    throw fromFileError(error, `Opening ${path}`);
  }
  if (head.toString('latin1') === MAGIC) return bytes;
  throw new TilerError('ARCHIVE_INVALID', `Opening ${path}: found no SQLite database, which MBTiles are`);
}

/** @returns 0 also if there is no file */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

function tileOfRow(row: Readonly<Record<string, unknown>>, invalid: (found: string) => TilerError): Tile {
  const { z, x, row: fromSouth } = row;
  const size = isZoom(z) ? 2 ** z : 0;
  if (isZoom(z) && isBelow(x, size) && isBelow(fromSouth, size)) return { z, x, y: size - 1 - fromSouth };
  throw invalid(`found zoom ${String(z)}, column ${String(x)}, row ${String(fromSouth)}: there is no such tile`);
}

function isZoom(value: unknown): value is number {
  return isBelow(value, MAX_ZOOM + 1);
}

function isBelow(value: unknown, limit: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < limit;
}

/** Values are text by the specification; numbers are found too. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
