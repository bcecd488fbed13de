import type { StoreCallOptions } from './tile-store.ts';

export interface PutOptions extends StoreCallOptions {
  /** Told to who asks for the object, where the store can. */
  readonly contentType: string;
}

export interface ListOptions extends StoreCallOptions {
  /** False for a folder that is left out, by its name. Default: those whose name begins with a dot are. */
  readonly enters?: (folderName: string) => boolean;
}

/** Bytes of an object of the same store. */
export interface ObjectPlace {
  readonly path: string;
  readonly offset: number;
}

/**
 * An object in the making, in whose place nobody sees anything before `finish` has returned. Disposed of before that, it
 * leaves nothing behind.
 */
export interface Composition extends AsyncDisposable {
  /** Appends bytes behind the head. They must not change any more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Appends bytes of an object, without reading them here where the store can copy them by itself. */
  copy(place: ObjectPlace, length: number): Promise<void>;
  /** Puts the head before, and the tail behind, what was appended; then it is there. */
  finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<void>;
}

/**
 * Bytes by path: a folder, or a prefix of an S3 bucket. `put` is atomic and idempotent: a reader sees the old object or the
 * new one, never a part. `get` of nothing is `null`; `delete` of nothing succeeds. Paths are relative, with `/` between
 * their parts.
 *
 * @throws TilerError `STORE_UNAVAILABLE`, `STORE_THROTTLED`, `STORE_FORBIDDEN`
 */
export interface ObjectStore extends AsyncDisposable {
  /** For messages: no credentials. */
  readonly label: string;
  put(path: string, bytes: Uint8Array, options: PutOptions): Promise<void>;
  get(path: string, options: StoreCallOptions): Promise<Uint8Array | null>;
  /** Some bytes of an object; a negative offset counts from its end. Fewer only where it ends. */
  read(path: string, offset: number, length: number, options: StoreCallOptions): Promise<Uint8Array | null>;
  delete(path: string, options: StoreCallOptions): Promise<void>;
  /** Deletes all that lies beneath a folder. */
  deleteAll(folder: string, options: StoreCallOptions): Promise<void>;
  /** Paths beneath a folder, in no stated order. */
  list(folder: string, options: ListOptions): AsyncIterable<string>;
  /** Begins an object whose first 16,384 bytes are its head. */
  compose(path: string, options: PutOptions): Promise<Composition>;
}

/** What a listing enters unless it is told otherwise. */
export function isVisible(folderName: string): boolean {
  return !folderName.startsWith('.');
}

/** True if a path, relative to the folder that is listed, lies in folders only that a listing enters. */
export function isListed(path: string, { enters = isVisible }: Pick<ListOptions, 'enters'>): boolean {
  return path.split('/').slice(0, -1).every(enters);
}
