import { mkdir, opendir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';
import { TilerError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { IoCounters } from '../observe.ts';
import type { Tile } from '../tms/tile.ts';
import { PARTS_FOLDER, checkDocumentName, createPathToTile, partToPath, tileToPath } from './tile-path.ts';
import type { StoreCallOptions, TileStore } from './tile-store.ts';
import { writeFileWhole } from './write-file.ts';

export interface FileStoreOptions {
  /** File ending without the dot. */
  readonly extension: string;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
}

/** A put takes milliseconds, so that a temporary file this old belongs to a process that was killed. */
const LEFTOVER_AGE_MS = 3_600_000;

const FORBIDDEN = new Set(['EACCES', 'EPERM', 'EROFS', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP']);

/**
 * Keeps tiles as files `{root}/{z}/{x}/{y}.{extension}`, in folders made as they are needed.
 *
 * A file is written under a hidden name in its own folder and renamed, so that a reader never sees a part of one. It is
 * not synced: what a power cut loses, a renewed run writes again. What a killed process left behind is never listed, and
 * `list` removes it once it is an hour old. Creating the store does no I/O.
 */
export function createFileStore(root: string, options: FileStoreOptions): TileStore {
  return new FileStore(resolve(root), options);
}

class FileStore implements TileStore {
  readonly label: string;
  private readonly root: string;
  private readonly options: FileStoreOptions;
  /** Tells the temporary files of one process from those of another, on another host too. */
  private readonly writerId = randomUUID();
  private temporaryCount = 0;

  constructor(root: string, options: FileStoreOptions) {
    this.root = root;
    this.label = root;
    this.options = options;
  }

  async put(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void> {
    await this.write(tileToPath(tile, this.options.extension), bytes, options);
  }

  async get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.read(tileToPath(tile, this.options.extension), options);
  }

  async delete(tile: Tile, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    const path = join(this.root, tileToPath(tile, this.options.extension));
    await rm(path).catch((error: unknown) => {
      if (!isMissing(error)) throw fromFileError(error, `Deleting ${path}`);
    });
  }

  async *list({ signal }: StoreCallOptions): AsyncIterable<Tile> {
    const pathToTile = createPathToTile(this.options.extension);
    for await (const path of this.filesBelow('', 2, signal)) {
      const tile = pathToTile(path);
      if (tile !== null) yield tile;
    }
  }

  async putPart(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void> {
    await this.write(partToPath(tile), bytes, options);
  }

  async getPart(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.read(partToPath(tile), options);
  }

  async deleteParts({ signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    const folder = join(this.root, PARTS_FOLDER);
    try {
      await rm(folder, { recursive: true, force: true });
      // Whoever keeps something else beside the parts, such as a journal, keeps the folder too.
      await rmdir(dirname(folder)).catch(() => {});
    } catch (error) {
      throw fromFileError(error, `Deleting ${folder}`);
    }
  }

  async putDocument(path: string, text: string, _contentType: string, options: StoreCallOptions): Promise<void> {
    await this.write(checkDocumentName(path), new TextEncoder().encode(text), options);
  }

  async getDocument(path: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.read(checkDocumentName(path), options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  private async write(path: string, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    const target = join(this.root, path);
    const folder = dirname(target);
    const temporary = join(folder, `.${this.writerId}-${this.temporaryCount++}.tmp`);
    try {
      // The folder is there nearly always; asking for it first would cost a system call for each tile.
      await writeFileWhole({ temporary, target }, bytes, signal).catch(async (error: unknown) => {
        if (!isMissing(error)) throw error;
        await mkdir(folder, { recursive: true });
        await writeFileWhole({ temporary, target }, bytes, signal);
      });
    } catch (error) {
      throw fromFileError(error, `Writing ${bytes.length} bytes to ${target}`);
    }
    this.options.counters.writeRequests++;
    this.options.counters.bytesWritten += bytes.length;
  }

  private async read(path: string, { signal }: StoreCallOptions): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    const source = join(this.root, path);
    try {
      return await readFile(source, { signal });
    } catch (error) {
      if (isMissing(error)) return null;
      throw fromFileError(error, `Reading ${source}`);
    }
  }

  /** Paths beneath the root with `/` between their parts, `depth` folders down; folders that are no number are left out. */
  private async *filesBelow(folder: string, depth: number, signal: AbortSignal): AsyncGenerator<string> {
    const entries = await opendir(join(this.root, folder)).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw fromFileError(error, `Listing ${join(this.root, folder)}`);
    });
    for await (const entry of entries) {
      signal.throwIfAborted();
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (depth > 0) {
        if (entry.isDirectory() && /^[0-9]+$/.test(entry.name)) yield* this.filesBelow(path, depth - 1, signal);
      } else if (entry.isFile()) {
        if (entry.name.endsWith('.tmp')) await this.removeLeftover(path);
        else yield path;
      }
    }
  }

  private async removeLeftover(path: string): Promise<void> {
    const file = join(this.root, path);
    try {
      const { mtimeMs } = await stat(file);
      if (Date.now() - mtimeMs > LEFTOVER_AGE_MS) await rm(file);
    } catch {
      // Its writer has finished with it meanwhile, or it belongs to another user: either way it is not a tile.
    }
  }
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** Says what a file system's refusal means for the queue. Errors without a system code, such as aborts, pass. */
function fromFileError(error: unknown, attempted: string): unknown {
  const code = codeOf(error);
  if (code === null || !/^E[A-Z0-9]+$/.test(code)) return error;
  const meaning: ErrorCode = FORBIDDEN.has(code) ? 'STORE_FORBIDDEN' : 'STORE_UNAVAILABLE';
  return new TilerError(meaning, `${attempted}: ${code}`, { cause: error });
}
