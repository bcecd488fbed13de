import type { ObjectPlace } from '../object-store.ts';
import type { PartChunk } from './part-plan.ts';

/** Bytes between two stretches of an object that are read along with them rather than asked for anew. */
const MAX_GAP_BYTES = 64 * 1024;

/** A stretch of an object, and the chunks within it with their offsets in the part. */
interface Read {
  readonly place: ObjectPlace;
  length: number;
  readonly chunks: { readonly at: number; readonly offset: number; readonly length: number }[];
}

/**
 * Puts the chunks of a part one behind the other. Stretches of an object that lie close together are read at once, and all
 * reads are asked for together: `read` bounds how many go at a time.
 */
export async function loadChunks(
  chunks: readonly PartChunk[],
  length: number,
  read: (place: ObjectPlace, length: number) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const part = new Uint8Array(length);
  const reads: Read[] = [];
  let at = 0;
  for (const chunk of chunks) {
    if (chunk.place === null) part.set(chunk.bytes, at);
    else addRead(reads, chunk.place, chunk.length, at);
    at += chunk.length;
  }
  const load = async ({ place, length: wanted, chunks: within }: Read): Promise<void> => {
    const bytes = await read(place, wanted);
    for (const { at: to, offset, length: count } of within) {
      part.set(bytes.subarray(offset - place.offset, offset - place.offset + count), to);
    }
  };
  await Promise.all(reads.map(load));
  return part;
}

function addRead(reads: Read[], { path, offset }: ObjectPlace, length: number, at: number): void {
  const last = reads.at(-1);
  const gap = last?.place.path === path ? offset - (last.place.offset + last.length) : -1;
  const chunk = { at, offset, length };
  if (last === undefined || gap < 0 || gap > MAX_GAP_BYTES) {
    reads.push({ place: { path, offset }, length, chunks: [chunk] });
    return;
  }
  last.length += gap + length;
  last.chunks.push(chunk);
}
