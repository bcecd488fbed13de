import type { IoCounters, StageMeter } from '../observe.ts';
import { FileObjects } from './file-objects.ts';
import { TileObjects } from './tile-objects.ts';
import type { PlainTileStore } from './tile-store.ts';

export interface FileStoreOptions {
  /** File ending without the dot. */
  readonly extension: string;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  readonly stages?: StageMeter | undefined;
}

/** Keeps tiles as files `{root}/{z}/{x}/{y}.{extension}`; see `FileObjects`. Creating the store does no I/O. */
export function createFileStore(root: string, { extension, counters, stages }: FileStoreOptions): PlainTileStore {
  // A file says by its ending what it is.
  return new TileObjects(new FileObjects(root, counters), { extension, contentType: '', stages });
}
