import { parentPort, workerData } from 'node:worker_threads';
import { isTilerError } from '../../errors.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Tile } from '../../tms/tile.ts';
import type { MbtilesMetadata } from './mbtiles-metadata.ts';
import { openMbtiles } from './mbtiles-reader.ts';
import type { MbtilesReader } from './mbtiles-reader.ts';

/** What a thread is asked, and what it answers. It is asked to open its file first. */
export interface MbtilesCalls {
  /** Null = there is no file. */
  readonly open: { readonly argument: null; readonly result: MbtilesMetadata | null };
  readonly tile: { readonly argument: Tile; readonly result: Uint8Array | null };
  readonly zooms: { readonly argument: null; readonly result: ReturnType<MbtilesReader['zooms']> };
  /** The next tiles of a listing, which the first call with its number begins; none = it has ended. */
  readonly next: { readonly argument: number; readonly result: readonly Tile[] };
  /** Ends a listing early. */
  readonly leave: { readonly argument: number; readonly result: null };
}

type MbtilesCall = {
  readonly [K in keyof MbtilesCalls]: {
    readonly id: number;
    readonly kind: K;
    readonly argument: MbtilesCalls[K]['argument'];
  };
}[keyof MbtilesCalls];

/** Answers come in the order of the calls. A code is that of a `TilerError`, which loses its class between threads. */
export type MbtilesAnswer = { readonly id: number } & (
  | { readonly result: MbtilesCalls[keyof MbtilesCalls]['result'] }
  | { readonly code: ErrorCode | null; readonly message: string }
);

export interface MbtilesThreadData {
  readonly path: string;
}

/** Tiles of one answer. */
const TILES_AT_ONCE = 1_000;

const NEVER = { signal: new AbortController().signal };

let reader: MbtilesReader | null = null;
const listings = new Map<number, AsyncGenerator<Tile>>();

async function answerTo(call: MbtilesCall): Promise<MbtilesCalls[keyof MbtilesCalls]['result']> {
  if (call.kind === 'open') {
    reader = await openMbtiles((workerData as MbtilesThreadData).path);
    return reader?.metadata ?? null;
  }
  if (reader === null) throw new Error('The file is not open');
  switch (call.kind) {
    case 'tile':
      return reader.tile(call.argument);
    case 'zooms':
      return reader.zooms();
    case 'next':
      return await nextTiles(reader, call.argument);
    case 'leave':
      await listings.get(call.argument)?.return(undefined);
      listings.delete(call.argument);
  }
  return null;
}

async function nextTiles(from: MbtilesReader, listing: number): Promise<readonly Tile[]> {
  const rows = listings.get(listing) ?? from.list(NEVER);
  listings.set(listing, rows);
  const tiles: Tile[] = [];
  while (tiles.length < TILES_AT_ONCE) {
    const next = await rows.next();
    if (next.done === true) break;
    tiles.push(next.value);
  }
  if (tiles.length === 0) listings.delete(listing);
  return tiles;
}

async function answer(call: MbtilesCall): Promise<MbtilesAnswer> {
  try {
    return { id: call.id, result: await answerTo(call) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { id: call.id, code: isTilerError(error) ? error.code : null, message };
  }
}

let before = Promise.resolve();
parentPort?.on('message', (call: MbtilesCall) => {
  before = before.then(async () => parentPort?.postMessage(await answer(call), []));
});
