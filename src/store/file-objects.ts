import { mkdir, open, opendir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { randomUUID } from 'node:crypto';
import { digestOf } from '../digest.ts';
import { TilerError } from '../errors.ts';
import type { IoCounters } from '../observe.ts';
import { giveSecondName } from './file-alias.ts';
import { fromFileError, isMissing } from './file-error.ts';
import { takeFileLock } from './file-lock.ts';
import { isVisible } from './object-store.ts';
import type { Composition, ListOptions, ObjectStore, TaggedBytes } from './object-store.ts';
import { FileSink } from './pmtiles/file-sink.ts';
import type { StoreCallOptions } from './tile-store.ts';
import { writeFileWhole } from './write-file.ts';

/** A put takes milliseconds, so that a temporary file this old belongs to a process that was killed. */
const LEFTOVER_AGE_MS = 3_600_000;

/**
 * Keeps objects as files beneath a folder, in folders made as they are needed.
 *
 * A file is written under a hidden name in its own folder and renamed, so that a reader never sees a part of one. It is
 * not synced, except for what is composed, and for what is put on a condition, under a lock file beside it: what a power
 * cut loses of the rest, a renewed run writes again. What a killed process left behind is never listed, and `list` removes
 * it once it is an hour old. Creating the store does no I/O.
 */
export class FileObjects implements ObjectStore {
  readonly label: string;
  private readonly root: string;
  private readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  /** Tells the temporary files of one process from those of another, on another host too. */
  private readonly writerId = randomUUID();
  private temporaryCount = 0;

  constructor(root: string, counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>) {
    this.root = resolve(root);
    this.label = this.root;
    this.counters = counters;
  }

  async put(path: string, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    const target = join(this.root, path);
    const temporary = this.temporaryFor(target);
    try {
      // The folder is there nearly always; asking for it first would cost a system call for each tile.
      await writeFileWhole({ temporary, target }, bytes, signal).catch(async (error: unknown) => {
        if (!isMissing(error)) throw error;
        await mkdir(dirname(target), { recursive: true });
        await writeFileWhole({ temporary, target }, bytes, signal);
      });
    } catch (error) {
      throw fromFileError(error, `Writing ${bytes.length} bytes to ${target}`);
    }
    this.counters.writeRequests++;
    this.counters.bytesWritten += bytes.length;
  }

  async putIf(
    path: string,
    bytes: Uint8Array,
    expectedTag: string | null,
    { signal }: StoreCallOptions,
  ): Promise<string | null> {
    signal.throwIfAborted();
    const target = join(this.root, path);
    const folder = dirname(target);
    try {
      await mkdir(folder, { recursive: true });
      await using lock = await takeFileLock(join(folder, `.${basename(target)}.lock`), signal);
      if (((await this.getTagged(path, { signal }))?.tag ?? null) !== expectedTag) return null;
      if (!(await lock.isHeld())) throw new TilerError('STORE_UNAVAILABLE', `Writing ${target}: lost its lock`);
      await writeFileWhole({ temporary: this.temporaryFor(target), target, isSynced: true }, bytes, signal);
      await syncFolder(folder);
    } catch (error) {
      throw fromFileError(error, `Writing ${bytes.length} bytes to ${target}`);
    }
    this.counters.writeRequests++;
    this.counters.bytesWritten += bytes.length;
    // Of the contents, so that it stays with them wherever the folder is moved.
    return digestOf(bytes);
  }

  async getTagged(path: string, options: StoreCallOptions): Promise<TaggedBytes | null> {
    const bytes = await this.get(path, options);
    return bytes === null ? null : { bytes, tag: digestOf(bytes) };
  }

  async alias(path: string, target: string, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    const name = join(this.root, path);
    try {
      await mkdir(dirname(name), { recursive: true });
      await giveSecondName({ temporary: this.temporaryFor(name), name, target: join(this.root, target) });
      await syncFolder(dirname(name));
    } catch (error) {
      throw fromFileError(error, `Linking ${name} to ${target}`);
    }
  }

  async move(from: string, to: string, { signal }: StoreCallOptions): Promise<boolean> {
    signal.throwIfAborted();
    const target = join(this.root, to);
    try {
      await mkdir(dirname(target), { recursive: true });
      await rename(join(this.root, from), target);
      await syncFolder(dirname(target));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw fromFileError(error, `Moving ${from} to ${target}`);
    }
  }

  async get(path: string, { signal }: StoreCallOptions): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    const source = join(this.root, path);
    try {
      return await readFile(source, { signal });
    } catch (error) {
      if (isMissing(error)) return null;
      throw fromFileError(error, `Reading ${source}`);
    }
  }

  async read(path: string, offset: number, length: number, { signal }: StoreCallOptions): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    const source = join(this.root, path);
    try {
      await using file = await open(source, 'r');
      const start = offset < 0 ? Math.max(0, (await file.stat()).size + offset) : offset;
      const bytes = Buffer.alloc(length);
      const { bytesRead } = await file.read(bytes, 0, length, start);
      return bytes.subarray(0, bytesRead);
    } catch (error) {
      if (isMissing(error)) return null;
      throw fromFileError(error, `Reading ${source}`);
    }
  }

  async delete(path: string, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    const target = join(this.root, path);
    await rm(target).catch((error: unknown) => {
      if (!isMissing(error)) throw fromFileError(error, `Deleting ${target}`);
    });
  }

  async deleteAll(folder: string, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    const target = join(this.root, folder);
    try {
      await rm(target, { recursive: true, force: true });
      // Whoever keeps something else beside it, such as a journal, keeps the folder above too.
      if (dirname(target) !== this.root) await rmdir(dirname(target)).catch(() => {});
    } catch (error) {
      throw fromFileError(error, `Deleting ${target}`);
    }
  }

  async *list(folder: string, { signal, enters = isVisible }: ListOptions): AsyncIterable<string> {
    yield* this.filesBelow(folder, enters, signal);
  }

  async compose(path: string, { signal }: StoreCallOptions): Promise<Composition> {
    const target = join(this.root, path);
    const temporary = this.temporaryFor(target);
    const wrapped = async <T>(work: () => Promise<T>): Promise<T> => {
      try {
        return await work();
      } catch (error) {
        throw fromFileError(error, `Writing ${target}`);
      }
    };
    const sink = await wrapped(async () => {
      await mkdir(dirname(target), { recursive: true });
      return await FileSink.create(temporary, { root: this.root, signal });
    });
    return {
      write: (bytes) => wrapped(() => sink.write(bytes)),
      copy: (place, length) => wrapped(() => sink.copy(place, length)),
      finish: (head, tail) =>
        wrapped(async () => {
          const bytes = await sink.finish(head, tail);
          await rename(temporary, target);
          await syncFolder(dirname(target));
          this.counters.writeRequests++;
          this.counters.bytesWritten += bytes;
        }),
      async [Symbol.asyncDispose]() {
        await sink[Symbol.asyncDispose]();
        await rm(temporary, { force: true });
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  private temporaryFor(target: string): string {
    return join(dirname(target), `.${this.writerId}-${this.temporaryCount++}.tmp`);
  }

  /** Paths beneath a folder with `/` between their parts. */
  private async *filesBelow(
    folder: string,
    enters: (name: string) => boolean,
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    const entries = await opendir(join(this.root, folder)).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw fromFileError(error, `Listing ${join(this.root, folder)}`);
    });
    for await (const entry of entries) {
      signal.throwIfAborted();
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (enters(entry.name)) yield* this.filesBelow(path, enters, signal);
      } else if (entry.isFile()) {
        if (isHalfWritten(entry.name)) await this.removeLeftover(path);
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
      // Its writer has finished with it meanwhile, or it belongs to another user: either way it is not an object.
    }
  }
}

/** True for the name of a file that a store is writing, or was writing when it was killed, and for a lock. */
function isHalfWritten(name: string): boolean {
  return name.startsWith('.') && (name.endsWith('.tmp') || name.endsWith('.lock'));
}

/** After a rename: a power cut does not take the new name away. */
async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}
