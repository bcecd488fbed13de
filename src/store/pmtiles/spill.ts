import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TilerError } from '../../errors.ts';

export interface SpillOptions {
  /** Bytes that may be kept in memory. */
  readonly memoryBytes: number;
  /** Numbers that columns keep together: in memory at least so many of each. */
  readonly chunkLength?: number;
}

/**
 * Room for what is gathered while an archive is made: memory, and behind a limit a temporary file that exists from then on. It
 * has no name where the system allows that, so a killed process leaves nothing.
 */
export class Spill implements Disposable {
  readonly chunkLength: number;
  private readonly memoryBytes: number;
  private used = 0;
  private file: { readonly descriptor: number; readonly folder: string } | null = null;
  private end = 0;

  constructor({ memoryBytes, chunkLength = 16_384 }: SpillOptions) {
    this.memoryBytes = memoryBytes;
    this.chunkLength = chunkLength;
  }

  /** Bytes in the temporary file. */
  get spilledBytes(): number {
    return this.end;
  }

  /** True if so many bytes more may be kept in memory: they count from then on. */
  reserve(bytes: number): boolean {
    if (this.used + bytes > this.memoryBytes) return false;
    this.used += bytes;
    return true;
  }

  /** Appends bytes to the file, and says where they are in it. @throws TilerError `STORE_UNAVAILABLE` */
  append(bytes: NodeJS.ArrayBufferView): number {
    const start = this.end;
    try {
      this.file ??= openTemporary();
      for (let done = 0; done < bytes.byteLength;) {
        done += writeSync(this.file.descriptor, bytes, done, bytes.byteLength - done, start + done);
      }
    } catch (cause) {
      const found = cause instanceof Error ? cause.message : String(cause);
      throw new TilerError('STORE_UNAVAILABLE', `Writing ${bytes.byteLength} bytes to a temporary file: ${found}`, {
        cause,
      });
    }
    this.end = start + bytes.byteLength;
    return start;
  }

  /** Fills an array with bytes of the file. @throws TilerError `STORE_UNAVAILABLE` */
  read(offset: number, target: NodeJS.ArrayBufferView): void {
    const length = target.byteLength;
    for (let done = 0; done < length;) {
      const found = this.file === null ? 0 : readSync(this.file.descriptor, target, done, length - done, offset + done);
      if (found === 0) {
        throw new TilerError('STORE_UNAVAILABLE', `Reading ${length} bytes of a temporary file: found ${done}`);
      }
      done += found;
    }
  }

  [Symbol.dispose](): void {
    if (this.file === null) return;
    closeSync(this.file.descriptor);
    rmSync(this.file.folder, { recursive: true, force: true });
    this.file = null;
  }
}

function openTemporary(): { readonly descriptor: number; readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tilewright-'));
  const descriptor = openSync(join(folder, 'spill'), 'w+', 0o600);
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Where an open file keeps its name, it is removed when it is closed.
  }
  return { descriptor, folder };
}
