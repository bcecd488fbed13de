import { mkdir, open, rm, rmdir } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { LeftOut } from '../../src/render/tile-renderer.ts';
import { allTilesOf } from '../../src/tms/metatile.ts';
import { noneIfAbsent } from './local-files.ts';
import type { TilesetPlan } from '../plan-jobs.ts';
import type { RunTally } from './run-tally.ts';
import { noteLeftOut, readLeftOut, removeLeftOut } from './left-out-log.ts';

const MAGIC = 'TWJ2';
const HEADER_BYTES = 128;
const SLOT_BYTES = 2;

/** Of a slot: the metatile has failed for good, and the process that is to continue the run does it again. */
const FAILED = 0x8000;

/** Of a slot: the metatile is done, and nothing of it was rendered. */
const UNCHANGED = 0x4000;

/**
 * Which metatiles of a local run are done: a file with one 16-bit slot for each, at `128 + 2 · index`. 0 = to do,
 * n + 1 = done with n tiles rendered (a metatile has at most 341), the highest bit = failed, the next one = done and
 * unchanged. 1e9 tiles in metatiles of 8 x 8 take 31 MB. What has failed is to do again for whoever opens the journal.
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
  /** What a done metatile came to; null = to do. */
  doneOf(index: number): DoneMetatile | null;
  markDone(index: number, done: DoneMetatile, leftOut?: LeftOut): Promise<void>;
  /** For those who look at the run: a failed metatile is to do as before. `rendered` = of its tiles that did not fail. */
  markFailed(index: number, rendered: number): Promise<void>;
}

export interface DoneMetatile {
  /** Tiles that are not empty. */
  readonly rendered: number;
  readonly unchanged: boolean;
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

/** What a slot says of its metatile. */
export interface SlotState {
  readonly isDone: boolean;
  readonly isFailed: boolean;
  /** Done, and nothing of it was rendered. */
  readonly isUnchanged: boolean;
  /** Tiles rendered. */
  readonly rendered: number;
}

/** Reads a slot of `readJournalSlots`. */
export function slotState(slot: number): SlotState {
  const isFailed = slot >= FAILED;
  const isUnchanged = !isFailed && (slot & UNCHANGED) !== 0;
  return { isDone: slot > 0 && !isFailed, isFailed, isUnchanged, rendered: Math.max(0, (slot & (UNCHANGED - 1)) - 1) };
}

/**
 * Reads `count` slots from an index on without opening the journal, also while another process writes it; those that it
 * does not hold are 0. Null = there is no journal of this run.
 *
 * @throws TilerError `STORE_UNAVAILABLE`
 */
export async function readJournalSlots(
  path: string,
  options: OpenJournalOptions,
  fromIndex: number,
  count: number,
): Promise<Uint16Array | null> {
  const file = await open(path, 'r').catch(noneIfAbsent(`Reading ${path}`));
  if (file === null) return null;
  try {
    const found = Buffer.alloc(HEADER_BYTES);
    await file.read(found, 0, HEADER_BYTES, 0);
    if (!found.equals(headerOf(options))) return null;
    const slots = new Uint16Array(Math.max(0, Math.min(count, options.indexCount - fromIndex)));
    await readInto(file, slots, HEADER_BYTES + fromIndex * SLOT_BYTES);
    return slots;
  } finally {
    await file.close();
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
  await readInto(file, slots, HEADER_BYTES);
  let failed = false;
  for (let i = 0; i < slots.length; i++) {
    if (slots[i]! < FAILED) continue;
    slots[i] = 0;
    failed = true;
  }
  if (failed) await file.write(Buffer.from(slots.buffer), 0, slots.byteLength, HEADER_BYTES);
  return slots;
}

async function readInto(file: FileHandle, slots: Uint16Array, position: number): Promise<void> {
  const bytes = Buffer.from(slots.buffer);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, position);
  // The file only grows up to the last slot written; what follows is to do.
  bytes.fill(0, bytesRead - (bytesRead % SLOT_BYTES));
}

function createJournal(path: string, file: FileHandle, slots: Uint16Array, leftOut: LeftOut): Journal {
  let resumed = 0;
  for (const slot of slots) if (slot > 0) resumed++;
  const writeSlot = async (index: number): Promise<void> => {
    const bytes = Buffer.from(slots.buffer, index * SLOT_BYTES, SLOT_BYTES);
    await file.write(bytes, 0, SLOT_BYTES, HEADER_BYTES + index * SLOT_BYTES);
  };
  return {
    resumed,
    leftOut,
    doneOf: (index) => {
      const { isDone, isUnchanged, rendered } = slotState(slots[index] ?? 0);
      return isDone ? { rendered, unchanged: isUnchanged } : null;
    },
    async markDone(index, { rendered, unchanged }, leftOut) {
      if (leftOut !== undefined && leftOut.tiles > 0) await noteLeftOut(path, index, leftOut);
      slots[index] = (unchanged ? UNCHANGED : 0) + rendered + 1;
      await writeSlot(index);
    },
    async markFailed(index, rendered) {
      slots[index] = FAILED + rendered + 1;
      await writeSlot(index);
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

/** Indices of the metatiles still to do, in the plan's order; those that the journal knows are counted on the way. */
export function* indicesToDo(
  plan: TilesetPlan,
  journal: Journal,
  tally: Pick<RunTally, 'addEarlier'>,
): Generator<number> {
  for (const work of plan.works()) {
    const done = journal.doneOf(work.index);
    if (done === null) yield work.index;
    else tally.addEarlier(work.index, allTilesOf(work).length, done);
  }
}
