import { digestOf } from '../digest.ts';
import { TilerError } from '../errors.ts';
import { isListed } from './object-store.ts';
import type { Composition, ListOptions, ObjectPlace, ObjectStore, TaggedBytes } from './object-store.ts';
import type { StoreCallOptions } from './tile-store.ts';

/** Keeps objects in this process, for one tile on the command line and for tests. It holds copies, as many as are put. */
export class MemoryObjects implements ObjectStore {
  readonly label = 'memory';
  private readonly objects = new Map<string, Uint8Array>();

  async put(path: string, bytes: Uint8Array, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    this.objects.set(path, bytes.slice());
    await Promise.resolve();
  }

  async putIf(
    path: string,
    bytes: Uint8Array,
    expectedTag: string | null,
    options: StoreCallOptions,
  ): Promise<string | null> {
    const found = this.objects.get(path);
    if ((found === undefined ? null : digestOf(found)) !== expectedTag) return null;
    await this.put(path, bytes, options);
    return digestOf(bytes);
  }

  async getTagged(path: string, options: StoreCallOptions): Promise<TaggedBytes | null> {
    const bytes = await this.get(path, options);
    return bytes === null ? null : { bytes, tag: digestOf(bytes) };
  }

  async move(from: string, to: string, { signal }: StoreCallOptions): Promise<boolean> {
    signal.throwIfAborted();
    const bytes = await Promise.resolve(this.objects.get(from));
    if (bytes === undefined) return false;
    this.objects.set(to, bytes);
    return this.objects.delete(from);
  }

  async get(path: string, { signal }: StoreCallOptions): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    return await Promise.resolve(this.objects.get(path)?.slice() ?? null);
  }

  async read(path: string, offset: number, length: number, { signal }: StoreCallOptions): Promise<Uint8Array | null> {
    signal.throwIfAborted();
    const found = this.objects.get(path);
    if (found === undefined) return null;
    const start = offset < 0 ? Math.max(0, found.length + offset) : offset;
    return await Promise.resolve(found.slice(start, start + length));
  }

  async delete(path: string, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    this.objects.delete(path);
    await Promise.resolve();
  }

  async deleteAll(folder: string, { signal }: StoreCallOptions): Promise<void> {
    signal.throwIfAborted();
    for (const path of this.objects.keys()) if (path.startsWith(`${folder}/`)) this.objects.delete(path);
    await Promise.resolve();
  }

  async *list(folder: string, { signal, ...options }: ListOptions): AsyncIterable<string> {
    const start = folder === '' ? '' : `${folder}/`;
    for (const path of this.objects.keys()) {
      signal.throwIfAborted();
      if (path.startsWith(start) && isListed(path.slice(start.length), options)) yield await Promise.resolve(path);
    }
  }

  async compose(path: string, { signal }: StoreCallOptions): Promise<Composition> {
    const data: Uint8Array[] = [];
    const copy = ({ path: from, offset }: ObjectPlace, length: number): void => {
      const bytes = this.objects.get(from)?.slice(offset, offset + length);
      if (bytes?.length !== length) {
        const found = `${bytes?.length ?? 'none'} of ${length} bytes at ${offset} of ${from}`;
        throw new TilerError('ARCHIVE_INVALID', `Composing ${path}: found ${found}`);
      }
      data.push(bytes);
    };
    return await Promise.resolve({
      write: async (bytes: Uint8Array) => void (await Promise.resolve(data.push(bytes))),
      copy: async (place: ObjectPlace, length: number) => {
        signal.throwIfAborted();
        await Promise.resolve(copy(place, length));
      },
      finish: async (head: Uint8Array, tail: readonly Uint8Array[]) => {
        this.objects.set(path, Buffer.concat([head, ...data, ...tail]));
        await Promise.resolve();
      },
      async [Symbol.asyncDispose]() {},
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.objects.clear();
    await Promise.resolve();
  }
}
