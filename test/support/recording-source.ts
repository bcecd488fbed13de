import { createHash } from 'node:crypto';
import { TilerError } from '../../src/errors.ts';
import type { RangeSource } from '../../src/cog/range-source.ts';

/** One read that was asked for. */
interface RecordedRead {
  readonly offset: number;
  readonly length: number;
}

/** A range source that remembers what it was asked for. */
export interface RecordingSource extends RangeSource {
  readonly reads: readonly RecordedRead[];
  /** True from the first dispose on. */
  readonly isDisposed: boolean;
}

/** Records the reads of another source. */
export function recordReads(source: RangeSource): RecordingSource {
  const reads: RecordedRead[] = [];
  let isDisposed = false;
  return {
    label: source.label,
    reads,
    get isDisposed() {
      return isDisposed;
    },
    read(offset, length, options) {
      reads.push({ offset, length });
      return source.read(offset, length, options);
    },
    version: () => source.version(),
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      await source[Symbol.asyncDispose]();
    },
  };
}

/** A place in memory that holds one file, or none. */
export interface MemoryFile {
  bytes: Uint8Array | null;
}

/** A range source over memory. It passes the contract of range sources. */
export function createMemorySource(file: MemoryFile, label = 'memory:file'): RangeSource {
  let first: Uint8Array | null = null;
  return {
    label,
    async read(offset, length, { signal }) {
      signal.throwIfAborted();
      const context = { context: { href: label, offset } };
      if (file.bytes === null)
        throw new TilerError(
          'ASSET_NOT_FOUND',
          `Reading ${length} bytes at ${offset} of ${label}: it is not there`,
          context,
        );
      first ??= file.bytes;
      if (file.bytes !== first)
        throw new TilerError(
          'ASSET_CHANGED',
          `Reading ${length} bytes at ${offset} of ${label}: it was replaced`,
          context,
        );
      return file.bytes.slice(offset, offset + length);
    },
    version: () => (first === null ? null : `sha256 ${createHash('sha256').update(first).digest('hex')}`),
    async [Symbol.asyncDispose]() {},
  };
}
