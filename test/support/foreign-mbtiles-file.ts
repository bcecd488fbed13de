import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../../src/store/mbtiles/open-database.ts';
import { freshFolder } from './fresh-folder.ts';

/** The plain table of tiles, without an index. */
export const TILES_TABLE =
  'CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB)';
export const METADATA_TABLE = 'CREATE TABLE metadata (name TEXT, value TEXT)';

/** An MBTiles file of another make, in a folder of its own. */
export interface ForeignMbtilesFile {
  readonly folder: string;
  readonly path: string;
  /** Makes it by SQL, in place of what was there. */
  make(...statements: readonly string[]): Promise<void>;
}

/** A file for each test of a file of tests; not there until it is made. */
export function foreignMbtilesFile(): ForeignMbtilesFile {
  const folder = freshFolder('foreign-mbtiles');
  const pathOf = (): string => join(folder.path, 'foreign.mbtiles');
  return {
    get folder() {
      return folder.path;
    },
    get path() {
      return pathOf();
    },
    async make(...statements) {
      await writeFile(pathOf(), '');
      const database = await openDatabase(pathOf(), { readOnly: false });
      try {
        for (const sql of statements) database.exec(sql);
      } finally {
        database.close();
      }
    },
  };
}
