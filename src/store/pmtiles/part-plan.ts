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

/** A part of an object, copied by the server from a place, or put together here of chunks. */
export type PlannedPart =
  | { readonly kind: 'copy'; readonly place: ObjectPlace; readonly length: number }
  | { readonly kind: 'send'; readonly chunks: readonly PartChunk[]; readonly length: number };

/**
 * Divides what is appended to an object into parts. Long stretches of other objects become parts that the server copies;
 * what is shorter is gathered, with as much of the next long stretch as a part needs at least. The same bytes appended in
 * the same way give the same parts. Holds a part's worth of bytes at most, and reads nothing.
 */
export class PartPlan {
  private readonly limits: PartLimits;
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
      const fill = this.gathered === 0 ? 0 : Math.max(0, smallest - this.gathered);
      const isLong = copyParts && left - fill >= smallest;
      if (isLong && fill === 0) {
        if (this.gathered > 0) yield this.close();
        const whole = this.copyLength(left);
        yield { kind: 'copy', place, length: whole };
        done += whole;
      } else {
        const wanted = isLong ? fill : Math.min(left, this.room());
        yield* this.gather({ place, length: wanted });
        done += wanted;
      }
    }
  }

  /** The last part; null if nothing is left for it. */
  rest(): PlannedPart | null {
    return this.chunks.length === 0 ? null : this.close();
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
    if (this.room() <= 0) yield this.close();
  }

  private close(): PlannedPart {
    const { chunks } = this;
    this.chunks = [];
    this.gathered = 0;
    return { kind: 'send', chunks, length: chunks.reduce((sum, { length }) => sum + length, 0) };
  }
}
