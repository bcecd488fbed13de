import { mkdir, open, rm, rmdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LeftOut } from '../src/render/tile-renderer.ts';
import { noteLeftOut, readLeftOut, removeLeftOut } from './left-out-log.ts';

const MAGIC = 'TWJ1';
const HEADER_BYTES = 128;
const SLOT_BYTES = 2;

/**
 * Which metatiles of a local run are done: a file with one 16-bit slot for each, at `128 + 2 · index`. 0 = to do,
 * n + 1 = done with n tiles rendered (a metatile has at most 256). 1e9 tiles in metatiles of 8 x 8 take 31 MB.
 *
 * A slot is written in one piece and only after all tiles of its metatile are in the store, so a process killed at any
 * time leaves a journal that never claims too much. Writing a slot twice is harmless. After a crash of the machine
 * itself the file system may have kept the slot and lost a tile: then render again with `--force`.
 *
 * The header names the run and its number of metatiles; a file with another header is replaced by a fresh one.
 */
export interface Journal extends AsyncDisposable {
  /** Metatiles found done when the journal was opened. */
  readonly resumed: number;
  /** What the metatiles found done had to do without. */
  readonly leftOut: LeftOut;
  /** Tiles that a done metatile rendered; null = to do. */
  renderedOf(index: number): number | null;
  markDone(index: number, rendered: number, leftOut?: LeftOut): Promise<void>;
}

export interface OpenJournalOptions {
  readonly run: string;
  readonly indexCount: number;
}

/** Opens or creates the journal of a run. Reads the file once. */
export async function openJournal(path: string, options: OpenJournalOptions): Promise<Journal> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a').then(async (created) => {
    // 'a' creates the file without emptying it; writing at a position needs 'r+'.
    await created.close();
    return open(path, 'r+');
  });
  try {
    const resumed = await readSlots(file, headerOf(options), options.indexCount);
    if (resumed === null) await removeLeftOut(path);
    const slots = resumed ?? new Uint16Array(options.indexCount);
    const leftOut = await readLeftOut(path, (index) => (slots[index] ?? 0) > 0);
    return createJournal(path, file, slots, leftOut);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Removes the journal of a run that is complete, or that starts anew, and its folder if that is empty then. */
export async function removeJournal(path: string): Promise<void> {
  await rm(path, { force: true });
  await removeLeftOut(path);
  await rmdir(dirname(path)).catch(() => {});
}

function headerOf({ run, indexCount }: OpenJournalOptions): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(`${MAGIC} ${run} ${indexCount}\n`, 'latin1');
  return header;
}

/** The slots of the run of this header; null if the file was none of it, and is now empty. */
async function readSlots(file: FileHandle, header: Buffer, indexCount: number): Promise<Uint16Array | null> {
  const found = Buffer.alloc(HEADER_BYTES);
  await file.read(found, 0, HEADER_BYTES, 0);
  if (!found.equals(header)) {
    await file.truncate(0);
    await file.write(header, 0, HEADER_BYTES, 0);
    return null;
  }
  const slots = new Uint16Array(indexCount);
  const bytes = Buffer.from(slots.buffer);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, HEADER_BYTES);
  // The file only grows up to the last slot written; what follows is to do.
  bytes.fill(0, bytesRead - (bytesRead % SLOT_BYTES));
  return slots;
}

function createJournal(path: string, file: FileHandle, slots: Uint16Array, leftOut: LeftOut): Journal {
  let resumed = 0;
  for (const slot of slots) if (slot > 0) resumed++;
  return {
    resumed,
    leftOut,
    renderedOf: (index) => {
      const slot = slots[index] ?? 0;
      return slot === 0 ? null : slot - 1;
    },
    async markDone(index, rendered, leftOut) {
      if (leftOut !== undefined && leftOut.tiles > 0) await noteLeftOut(path, index, leftOut);
      slots[index] = rendered + 1;
      const bytes = Buffer.from(slots.buffer, index * SLOT_BYTES, SLOT_BYTES);
      await file.write(bytes, 0, SLOT_BYTES, HEADER_BYTES + index * SLOT_BYTES);
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}
