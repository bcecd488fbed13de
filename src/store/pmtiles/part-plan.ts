import type { ObjectPlace } from '../object-store.ts';

export interface PartLimits {
  /** S3: 5 MiB, of all parts but the last. */
  readonly minPartBytes: number;
  /** S3: 5 GiB, of a part that the server copies. */
  readonly maxPartBytes: number;
  /** S3: 10,000. */
  readonly maxParts: number;
  /** Of a part that is sent; `minPartBytes` at least. Four of them are in memory twice. */
  readonly partBytes: number;
  /** All parts but the last have `partBytes` exactly, those that the server copies too, as Cloudflare R2 wants it. */
  readonly equalParts: boolean;
  /** False: the server cannot copy parts, and all bytes are sent. */
  readonly copyParts: boolean;
}

/** Bytes of a part that is sent: here already, or still to be read. */
export type PartChunk =
  | { readonly bytes: Uint8Array; readonly place: null; readonly length: number }
  | { readonly place: ObjectPlace; readonly length: number };

/** What the server copies from a place. */
export interface CopiedPart {
  readonly kind: 'copy';
  readonly place: ObjectPlace;
  readonly length: number;
}

/**
 * A part that is first made as an object of its own: what the server copies from a place, and chunks of less than a part.
 * The last part of an object may be that short, so that nothing has to be sent to fill it up.
 */
export interface JoinedPart {
  readonly kind: 'join';
  readonly copied: Omit<CopiedPart, 'kind'>;
  readonly chunks: readonly PartChunk[];
  /** Of all of it. */
  readonly length: number;
}

/** A part of an object: copied by the server, put together here of chunks, or both. */
export type PlannedPart =
  | CopiedPart
  | { readonly kind: 'send'; readonly chunks: readonly PartChunk[]; readonly length: number }
  | JoinedPart;

/** Bytes of a part that the server copies: also what is joined to others, if it lies in one place. */
export function copiedIn(part: PlannedPart): number {
  if (part.kind !== 'join') return part.kind === 'copy' ? part.length : 0;
  return part.chunks.length === 1 && part.chunks[0]?.place != null ? part.length : part.copied.length;
}

/** Raised whenever the same calls are divided into parts in another way. */
export const PART_DIVISION = 2;

/** Of the shortest part; what would be sent to fill one up is worth a dozen requests from that on. */
const SHARE_WORTH_JOINING = 1 / 4;

/**
 * Divides what is appended to an object into parts. Long stretches of other objects become parts that the server copies.
 * What is shorter is joined to the end of the long stretch before it if a long one follows; else it is gathered, with as much
 * of the next long stretch as a part needs at least. The same bytes appended in the same way give the same parts. Holds a
 * part's worth of bytes at most, and reads nothing.
 */
export class PartPlan {
  private readonly limits: PartLimits;
  /** The last part that was planned, while what follows may be joined to it; it comes before the chunks. */
  private held: CopiedPart | null = null;
  private chunks: PartChunk[] = [];
  private gathered: number;

  /** @param headBytes - that come before the first part */
  constructor(limits: PartLimits, headBytes: number) {
    this.limits = limits;
    this.gathered = headBytes;
  }

  /** Appends bytes. @returns the parts that are whole now */
  *write(bytes: Uint8Array): Generator<PlannedPart> {
    for (let from = 0; from < bytes.length;) {
      const to = Math.min(bytes.length, from + this.room());
      yield* this.gather({ bytes: bytes.subarray(from, to), place: null, length: to - from });
      from = to;
    }
  }

  /** Appends bytes of an object. @returns the parts that are whole now */
  *copy({ path, offset }: ObjectPlace, length: number): Generator<PlannedPart> {
    const { minPartBytes, partBytes, equalParts, copyParts } = this.limits;
    const smallest = equalParts ? partBytes : minPartBytes;
    for (let done = 0; done < length;) {
      const place = { path, offset: offset + done };
      const left = length - done;
      if (left >= smallest) yield* this.join();
      const fill = this.gathered === 0 ? 0 : Math.max(0, smallest - this.gathered);
      const isLong = copyParts && left - fill >= smallest;
      if (isLong && fill === 0) {
        yield* this.close();
        const whole = this.copyLength(left);
        this.held = { kind: 'copy', place, length: whole };
        done += whole;
      } else {
        const wanted = isLong ? fill : Math.min(left, this.room());
        yield* this.gather({ place, length: wanted });
        done += wanted;
      }
    }
  }

  /** Ends it. @returns the last parts; none if nothing is left for them */
  *rest(): Generator<PlannedPart> {
    yield* this.close();
  }

  /** Joins what is gathered to what is held, where that spares enough. A part that the server copies comes next. */
  private *join(): Generator<PlannedPart> {
    const { held, chunks, gathered } = this;
    const { minPartBytes, equalParts } = this.limits;
    const spared = minPartBytes - gathered;
    if (held === null || equalParts || gathered === 0 || spared < minPartBytes * SHARE_WORTH_JOINING) return;
    // Of a long one the end, since the server copies that twice.
    const before = held.length < 2 * minPartBytes ? 0 : held.length - minPartBytes;
    if (before > 0) yield { ...held, length: before };
    const place = { path: held.place.path, offset: held.place.offset + before };
    const copied = { place, length: held.length - before };
    this.forget();
    yield { kind: 'join', copied, chunks, length: copied.length + gathered };
  }

  /** Stretches that are too long for one part are divided evenly. */
  private copyLength(left: number): number {
    const { maxPartBytes, partBytes, equalParts } = this.limits;
    return equalParts ? partBytes : Math.ceil(left / Math.ceil(left / maxPartBytes));
  }

  private room(): number {
    return this.limits.partBytes - this.gathered;
  }

  private *gather(chunk: PartChunk): Generator<PlannedPart> {
    this.chunks.push(chunk);
    this.gathered += chunk.length;
    if (this.room() <= 0) yield* this.close();
  }

  private *close(): Generator<PlannedPart> {
    const { held, chunks } = this;
    this.forget();
    if (held !== null) yield held;
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    if (length > 0) yield { kind: 'send', chunks, length };
  }

  private forget(): void {
    this.held = null;
    this.chunks = [];
    this.gathered = 0;
  }
}
