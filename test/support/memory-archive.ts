import { PMTiles } from 'pmtiles';
import type { RangeSource } from '../../src/cog/range-source.ts';
import type { ArchiveDescription, ArchiveSink } from '../../src/store/pmtiles/archive-writer.ts';
import { ArchiveWriter } from '../../src/store/pmtiles/archive-writer.ts';
import { FIRST_READ_BYTES } from '../../src/store/pmtiles/header.ts';
import { segmentToBytes } from '../../src/store/pmtiles/segment.ts';
import type { SegmentSource } from '../../src/store/pmtiles/assemble-archive.ts';
import { FOOTER_BYTES, indexLengthOf, parseSegment } from '../../src/store/pmtiles/segment.ts';

/** A tile by its ID. */
export interface IdentifiedTile {
  readonly tileId: number;
  readonly bytes: Uint8Array;
}

/** Where bytes lie in an object of `memorySegments`. */
export interface MemoryPlace {
  readonly name: string;
  readonly offset: number;
}

export const DESCRIPTION: ArchiveDescription = {
  tileType: 'png',
  bbox: [15, 45, 16.5, 47],
  metadata: { name: 'made', type: 'baselayer', tileSize: 256, format: 'png', provenance: { software: 'tilewright' } },
};

/** A sink that keeps the archive, and says how much was copied. */
export class MemorySink implements ArchiveSink<MemoryPlace> {
  private readonly data: Uint8Array[] = [];
  private readonly objects: ReadonlyMap<string, Uint8Array>;
  private whole: Buffer | null = null;
  copies = 0;

  constructor(objects: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.objects = objects;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.data.push(bytes);
    await Promise.resolve();
  }

  async copy({ name, offset }: MemoryPlace, length: number): Promise<void> {
    this.copies++;
    await this.write(this.objects.get(name)!.subarray(offset, offset + length));
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
): Promise<Buffer> {
  const sink = new MemorySink();
  const writer = new ArchiveWriter(sink);
  for (const { tileId, bytes } of [...tiles].sort((a, b) => a.tileId - b.tileId)) await writer.add(tileId, bytes);
  await writer.finish(description);
  return sink.bytes;
}

/** Segments in memory, by name. */
export function memorySegments(groups: readonly (readonly IdentifiedTile[])[]): {
  readonly source: SegmentSource<MemoryPlace>;
  readonly objects: ReadonlyMap<string, Uint8Array>;
} {
  const objects = new Map(groups.map((tiles, index) => [String(index), segmentToBytes(tiles)]));
  const source: SegmentSource<MemoryPlace> = {
    async *list() {
      for (const name of objects.keys()) yield await Promise.resolve(name);
    },
    async read(name) {
      const bytes = objects.get(name)!;
      const footer = bytes.subarray(bytes.length - FOOTER_BYTES);
      const end = bytes.length - FOOTER_BYTES;
      return await Promise.resolve(parseSegment(bytes.subarray(end - indexLengthOf(footer, name), end), footer, name));
    },
    place: (name, offset) => ({ name, offset }),
  };
  return { source, objects };
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
    async [Symbol.asyncDispose]() {},
  };
}
