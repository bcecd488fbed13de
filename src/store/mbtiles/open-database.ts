import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Database, Statement } from 'node-sqlite3-wasm';
import { TilerError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';

export type { Database, Statement } from 'node-sqlite3-wasm';

interface SqliteModule {
  readonly Database: typeof Database;
}

let loading: Promise<SqliteModule> | null = null;

/** Loads SQLite when the first file needs it. */
async function loadSqlite(): Promise<SqliteModule> {
  // A CommonJS module whose names Node does not find.
  loading ??= import('node-sqlite3-wasm').then((module) => (module as unknown as { default: SqliteModule }).default);
  return await loading;
}

/**
 * Opens a file of SQLite by a path of its own, for as long as it is open: this build of SQLite locks a file for its readers
 * too, by a folder `FILE.lock` that a killed process leaves behind, and that nobody can make where files are only read.
 * Whoever opens a file sees to it that nobody writes it. What is written is not journalled: it cannot be undone.
 *
 * @param path - of a file that is there; an empty one becomes a database
 * @throws the error of SQLite, or of the file system
 */
export async function openDatabase(path: string, { readOnly }: { readonly readOnly: boolean }): Promise<Database> {
  const { Database } = await loadSqlite();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-sqlite-'));
  try {
    const link = join(folder, randomUUID());
    await symlink(resolve(path), link);
    const database = new Database(link, { readOnly, fileMustExist: true });
    try {
      // The lock is taken by the first statement that reads, and kept: after that the link is not needed.
      database.exec(`PRAGMA locking_mode = EXCLUSIVE;${readOnly ? '' : 'PRAGMA journal_mode = OFF'}`);
      database.get('SELECT count(*) FROM sqlite_master');
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Finalises a statement. Once a step of it has failed SQLite says so again, which helps nobody. */
export function finalizeStatement(statement: Statement): void {
  try {
    if (!statement.isFinalized) statement.finalize();
  } catch (error) {
    if (!isSqliteError(error)) throw error;
  }
}

/** Says what an error of SQLite means; any other error is given back as it is. */
export function fromSqliteError(error: unknown, code: ErrorCode, attempted: string): unknown {
  return isSqliteError(error) ? new TilerError(code, `${attempted}: ${error.message}`, { cause: error }) : error;
}

function isSqliteError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'SQLite3Error';
}
