import { constants, type Stats } from 'node:fs';
import { open, realpath, type FileHandle } from 'node:fs/promises';
import { sep } from 'node:path';
import { runWithin } from '../retry.ts';
import type { RangeSource } from './range-source.ts';
import { fromFileError, rangeError, type RangeAttempt } from './source-errors.ts';

export interface FileSourceOptions {
  /** Absolute path of the file. */
  readonly path: string;
  /** Only files beneath this folder are read, whatever links lead to; absolute. */
  readonly root: string;
  readonly label: string;
  readonly timeoutMs: number;
}

/**
 * A range source over one regular file beneath a root.
 *
 * States: closed (at first), open (from the first read on), given back (after dispose). Given back, it goes on working,
 * but opens and closes the file at every read. The version (inode, size, mtime) is fixed by the first read and compared
 * at every other one. A descriptor is closed only when no read uses it.
 */
export function createFileSource(options: FileSourceOptions): RangeSource {
  let opening: Promise<FileHandle> | null = null;
  let version: FileVersion | null = null;
  let readers = 0;
  let isGivenBack = false;

  const closeIfUnused = async (): Promise<void> => {
    if (!isGivenBack || readers > 0 || opening === null) return;
    const held = opening;
    opening = null;
    await (await held).close();
  };

  const read = async (attempt: RangeAttempt): Promise<Uint8Array> => {
    readers += 1;
    try {
      opening ??= openBeneath(options, attempt);
      const handle = await opening.catch((error: unknown) => {
        opening = null;
        throw error;
      });
      const found = versionOf(await handle.stat());
      version ??= found;
      if (found.inode !== version.inode || found.content !== version.content) {
        const was = `inode ${version.inode}, ${version.content}`;
        throw rangeError(
          'ASSET_CHANGED',
          attempt,
          `the file was ${was} at first, and is inode ${found.inode}, ${found.content} now`,
        );
      }
      return await readFully(handle, attempt);
    } finally {
      readers -= 1;
      await closeIfUnused();
    }
  };

  return {
    label: options.label,
    async read(offset, length, { signal }) {
      const attempt: RangeAttempt = { label: options.label, offset, length };
      try {
        return await runWithin({ signal, timeoutMs: options.timeoutMs }, () => read(attempt));
      } catch (error) {
        signal.throwIfAborted();
        throw fromFileError(error, attempt);
      }
    },
    version: () => version?.content ?? null,
    async [Symbol.asyncDispose]() {
      isGivenBack = true;
      await closeIfUnused();
    },
  };
}

/** Reads until all is there or the file ends: one call may give less than was asked for. */
async function readFully(handle: FileHandle, { offset, length }: RangeAttempt): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) return bytes.slice(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

/** Opens the file itself, not what a link at its place leads to, after all links have been followed and judged. */
async function openBeneath({ path, root }: FileSourceOptions, attempt: RangeAttempt): Promise<FileHandle> {
  const [realRoot, realPath] = await Promise.all([realpath(root), realpath(path)]);
  const folder = realRoot.endsWith(sep) ? realRoot : realRoot + sep;
  if (!realPath.startsWith(folder)) {
    throw rangeError('ASSET_FORBIDDEN', attempt, 'it lies outside of the folder that files may be read from');
  }
  // Without O_NONBLOCK, opening a named pipe would wait for its writer.
  const handle = await open(realPath, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw rangeError('ASSET_UNSUPPORTED', attempt, 'it is not a regular file');
}

interface FileVersion {
  /** Of this machine alone: the same file has another one where it is copied to. */
  readonly inode: number;
  readonly content: string;
}

function versionOf({ ino, size, mtimeMs }: Stats): FileVersion {
  return { inode: ino, content: `${size} bytes of ${mtimeMs}` };
}
