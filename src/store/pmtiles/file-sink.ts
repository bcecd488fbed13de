import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { TilerError } from '../../errors.ts';
import type { ObjectPlace } from '../object-store.ts';
import { FIRST_READ_BYTES } from './header.ts';

interface FileSinkOptions {
  /** Folder that the places of `copy` lie beneath. */
  readonly root: string;
  readonly signal: AbortSignal;
}

/** Small tiles are gathered up to so many bytes before they are written. */
const BUFFER_BYTES = 4 * 1024 * 1024;

/**
 * Writes an archive into a file under a temporary name. Whoever made the sink renames it once `finish` has returned: by
 * then all of it is on the disk.
 */
export class FileSink implements AsyncDisposable {
  private readonly file: FileHandle;
  private readonly buffer = new Uint8Array(BUFFER_BYTES);
  private buffered = 0;
  private position = FIRST_READ_BYTES;
  private source: { readonly path: string; readonly file: FileHandle } | null = null;
  private readonly options: FileSinkOptions;

  private constructor(file: FileHandle, options: FileSinkOptions) {
    this.file = file;
    this.options = options;
  }

  /** Creates or empties the file. */
  static async create(path: string, options: FileSinkOptions): Promise<FileSink> {
    return new FileSink(await open(path, 'w'), options);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.buffered + bytes.length > BUFFER_BYTES) await this.flush();
    if (bytes.length > BUFFER_BYTES) {
      await this.writeNow(bytes);
      return;
    }
    this.buffer.set(bytes, this.buffered);
    this.buffered += bytes.length;
  }

  async copy({ path, offset }: ObjectPlace, length: number): Promise<void> {
    const file = await this.openSource(path);
    for (let done = 0; done < length;) {
      if (this.buffered === BUFFER_BYTES) await this.flush();
      const wanted = Math.min(length - done, BUFFER_BYTES - this.buffered);
      const { bytesRead } = await file.read(this.buffer, this.buffered, wanted, offset + done);
      if (bytesRead === 0) {
        const found = `${done} of ${length} bytes at ${offset}`;
        throw new TilerError('ARCHIVE_INVALID', `Copying from ${path}: found ${found}; the file is cut off`);
      }
      this.buffered += bytesRead;
      done += bytesRead;
    }
  }

  /** @returns the length of the file */
  async finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<number> {
    for (const bytes of tail) await this.write(bytes);
    await this.flush();
    const length = this.position;
    this.position = 0;
    await this.writeNow(head);
    await this.file.sync();
    return length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source?.file.close();
    await this.file.close();
  }

  private async openSource(path: string): Promise<FileHandle> {
    if (this.source?.path === path) return this.source.file;
    await this.source?.file.close();
    this.source = null;
    const file = await open(join(this.options.root, path), 'r');
    this.source = { path, file };
    return file;
  }

  private async flush(): Promise<void> {
    const { buffered } = this;
    this.buffered = 0;
    await this.writeNow(this.buffer.subarray(0, buffered));
  }

  private async writeNow(bytes: Uint8Array): Promise<void> {
    this.options.signal.throwIfAborted();
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await this.file.write(bytes, done, bytes.length - done, this.position);
      done += bytesWritten;
      this.position += bytesWritten;
    }
  }
}
