import { PMTiles } from 'pmtiles';
import type { RangeSource } from '../../src/cog/range-source.ts';
import type { ObjectPlace } from '../../src/store/object-store.ts';
import type { ArchiveDescription, ArchiveSink, ArchiveWriterOptions } from '../../src/store/pmtiles/archive-writer.ts';
import { ArchiveWriter } from '../../src/store/pmtiles/archive-writer.ts';
import { FIRST_READ_BYTES } from '../../src/store/pmtiles/header.ts';

/** A tile by its ID. */
export interface IdentifiedTile {
  readonly tileId: number;
  readonly bytes: Uint8Array;
}

export const DESCRIPTION: ArchiveDescription = {
  tileType: 'png',
  bbox: [15, 45, 16.5, 47],
  metadata: { name: 'made', type: 'baselayer', tileSize: 256, format: 'png', provenance: { software: 'tilewright' } },
};

/** A sink that keeps the archive, and says what was copied and how many bytes were written. */
export class MemorySink implements ArchiveSink<ObjectPlace> {
  private readonly data: Uint8Array[] = [];
  private readonly objects: ReadonlyMap<string, Uint8Array>;
  private whole: Buffer | null = null;
  readonly copies: (ObjectPlace & { readonly length: number; readonly isAfterCopy: boolean })[] = [];
  writtenBytes = 0;
  private isAfterCopy = false;

  constructor(objects: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.objects = objects;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.data.push(bytes);
    this.writtenBytes += bytes.length;
    this.isAfterCopy = false;
    await Promise.resolve();
  }

  async copy({ path, offset }: ObjectPlace, length: number): Promise<void> {
    this.copies.push({ path, offset, length, isAfterCopy: this.isAfterCopy });
    this.data.push(this.objects.get(path)!.subarray(offset, offset + length));
    this.isAfterCopy = true;
    await Promise.resolve();
  }

  async finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<void> {
    if (head.length !== FIRST_READ_BYTES) throw new Error(`a head of ${head.length} bytes`);
    this.whole = Buffer.concat([head, ...this.data, ...tail]);
    await Promise.resolve();
  }

  get bytes(): Buffer {
    if (this.whole === null) throw new Error('the archive is not finished');
    return this.whole;
  }
}

/** The archive of some tiles, given one by one in the order of their IDs. */
export async function archiveOf(
  tiles: readonly IdentifiedTile[],
  description: ArchiveDescription = DESCRIPTION,
  options: ArchiveWriterOptions = {},
): Promise<Buffer> {
  const sink = new MemorySink();
  const writer = new ArchiveWriter(sink, options);
  for (const { tileId, bytes } of [...tiles].sort((a, b) => a.tileId - b.tileId)) await writer.add(tileId, bytes);
  await writer.finish(description);
  return sink.bytes;
}

/** The reference reader over bytes. */
export function referenceReader(bytes: Buffer): PMTiles {
  return new PMTiles({
    getKey: () => 'memory',
    getBytes: async (offset, length) => {
      const data = new Uint8Array(bytes.subarray(offset, offset + length)).buffer;
      return await Promise.resolve({ data });
    },
  });
}

/** A range source over bytes. */
export function memoryRangeSource(bytes: Uint8Array, label = 'memory.pmtiles'): RangeSource {
  return {
    label,
    read: async (offset, length) => await Promise.resolve(bytes.subarray(offset, offset + length)),
    version: () => null,
    async [Symbol.asyncDispose]() {},
  };
}
