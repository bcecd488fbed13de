import type { StoreCallOptions } from './tile-store.ts';

/**
 * Deletions that are under way at a time. Each is a request of its own: asking for many in one needs checksums that some
 * servers refuse.
 */
export const DELETES_AT_ONCE = 16;

export interface PutOptions extends StoreCallOptions {
  /** Told to who asks for the object, where the store can. */
  readonly contentType: string;
}

export interface MoveOptions extends PutOptions {
  /** Of the object. */
  readonly length: number;
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

export interface ComposeOptions extends PutOptions {
  /** Where the store can, a composition that did not come to its end is gone on with. Default: each begins anew. */
  readonly resume?: ResumeOptions;
}

/** How a composition finds what was done of it before. */
export interface ResumeOptions {
  /** Path that belongs to this composition, and all paths that begin with it and a dot: what is kept until it is finished. */
  readonly memo: string;
  /** Says what the object is made of: one with another identity has nothing in common with it. */
  readonly identity: string;
}

/**
 * An object in the making, in whose place nobody sees anything before `finish` has returned. Disposed of before that, it
 * leaves nothing behind, unless it can be resumed.
 */
export interface Composition extends AsyncDisposable {
  /** Appends bytes behind the head. They must not change any more. */
  write(bytes: Uint8Array): Promise<void>;
  /** Appends bytes of an object, without reading them here where the store can copy them by itself. */
  copy(place: ObjectPlace, length: number): Promise<void>;
  /** Puts the head before, and the tail behind, what was appended; then it is there. */
  finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<void>;
}

/** Bytes of an object as they were at one moment. */
export interface TaggedBytes {
  readonly bytes: Uint8Array;
  /** Of these bytes: for `putIf`, and equal only to itself. */
  readonly tag: string;
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
  /**
   * Puts an object only if the one in its place has the tag that was expected; null = only if there is none. Of several
   * that put at once with the same expectation one succeeds. A put whose answer was lost on the way finds out by itself
   * whether it succeeded.
   *
   * @returns the tag of what was put; null = another object was there, or none, and nothing was put
   */
  putIf(path: string, bytes: Uint8Array, expectedTag: string | null, options: PutOptions): Promise<string | null>;
  get(path: string, options: StoreCallOptions): Promise<Uint8Array | null>;
  /** A whole object with the tag that `putIf` wants. */
  getTagged(path: string, options: StoreCallOptions): Promise<TaggedBytes | null>;
  /** Some bytes of an object; a negative offset counts from its end. Fewer only where it ends. */
  read(path: string, offset: number, length: number, options: StoreCallOptions): Promise<Uint8Array | null>;
  delete(path: string, options: StoreCallOptions): Promise<void>;
  /** Deletes all that lies beneath a folder. */
  deleteAll(folder: string, options: StoreCallOptions): Promise<void>;
  /** Paths beneath a folder, in no stated order. */
  list(folder: string, options: ListOptions): AsyncIterable<string>;
  /**
   * Makes a path a second name of an object, in place of what was there, without copying it where that can be done. Not
   * there in stores that know no second names.
   */
  alias?(path: string, target: string, options: StoreCallOptions): Promise<void>;
  /**
   * Gives an object another path, in place of what was there.
   *
   * @returns false if there is no such object; null if the store cannot do it without its bytes being sent here
   */
  move(from: string, to: string, options: MoveOptions): Promise<boolean | null>;
  /** Begins an object whose first 16,384 bytes are its head. */
  compose(path: string, options: ComposeOptions): Promise<Composition>;
}

/** What a listing enters unless it is told otherwise. */
export function isVisible(folderName: string): boolean {
  return !folderName.startsWith('.');
}

/** True if a path, relative to the folder that is listed, lies in folders only that a listing enters. */
export function isListed(path: string, { enters = isVisible }: Pick<ListOptions, 'enters'>): boolean {
  return path.split('/').slice(0, -1).every(enters);
}
