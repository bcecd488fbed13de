import pLimit from 'p-limit';
import { TilerError } from '../../errors.ts';
import type { ObjectPlace } from '../object-store.ts';
import type { ArchiveSink } from './archive-writer.ts';
import { FIRST_READ_BYTES } from './header.ts';
import { loadChunks } from './load-chunks.ts';
import { PartPlan, copiedIn } from './part-plan.ts';
import type { JoinedPart, PartLimits, PlannedPart } from './part-plan.ts';

/**
 * What a multipart upload can do, on whatever server. Parts are numbered from 1 on and may be sent in any order and again.
 *
 * @throws TilerError those of `TileStore`
 */
export interface MultipartUpload {
  putPart(part: number, bytes: Uint8Array): Promise<void>;
  /** A part that the server copies by itself. */
  copyPart(part: number, place: ObjectPlace, length: number): Promise<void>;
  /** True if a part is there from before, which the server copied then. */
  hasPart(part: number, length: number): boolean;
  /** Reads bytes of an object, for a part that is too small to be copied. */
  read(place: ObjectPlace, length: number): Promise<Uint8Array>;
  /** Begins an object that becomes one part of this one. @param index - from 0 on */
  beginPiece(index: number): Promise<UploadPiece>;
  /** Begins an object of a copied stretch and what is too short for a part, which becomes one part of this one. */
  beginJoint(): Promise<UploadJoint>;
}

/** An object in the making that becomes one part of another. */
export interface UploadPiece {
  readonly upload: Pick<MultipartUpload, 'putPart' | 'copyPart' | 'hasPart'>;
  /** Makes the object of its parts. @returns where it lies */
  complete(length: number): Promise<ObjectPlace>;
}

export interface UploadJoint extends UploadPiece {
  /** Deletes the object, once it has been copied. */
  discard(): Promise<void>;
}

interface OpenPiece {
  readonly piece: UploadPiece;
  /** Of the piece in the object. */
  readonly part: number;
  parts: number;
  length: number;
  readonly work: Promise<void>[];
}

/** Parts of bytes under way at a time; each is in memory twice. */
const SENT_AT_ONCE = 4;
/** Nothing of them is here. */
const COPIED_AT_ONCE = 16;
/** Reads of all parts under way. */
const READS_AT_ONCE = 16;

/** Of the parts that there may be, so many are kept for pieces: 2,000 of 10,000, of up to 5 GiB each. */
const SHARE_OF_PIECES = 0.2;

/**
 * Puts an archive together as one multipart upload. Long stretches of tiles are copied by the server; what is shorter than
 * a part passes through here, read ahead, or is joined to the end of a long stretch in an object of its own, which is
 * copied. The first part waits for the head, which is known last.
 *
 * An archive with more parts than an upload may have is made in two levels: from then on parts are joined to pieces,
 * objects of up to 5 GiB, and each piece is copied as one part. Which bytes go into which part depends on nothing but
 * the order of the calls, so that whoever begins again finds the parts that are there already.
 */
export class MultipartSink implements ArchiveSink<ObjectPlace> {
  private readonly upload: MultipartUpload;
  private readonly limits: PartLimits;
  private readonly plan: PartPlan;
  private readonly underWay = { send: new Set<Promise<void>>(), copy: new Set<Promise<void>>() };
  private readonly limitReads = pLimit(READS_AT_ONCE);
  private failure: { readonly error: unknown } | null = null;
  private firstPart: PlannedPart | null = null;
  private nextPart = 2;
  private pieces = 0;
  private piece: OpenPiece | null = null;
  /** Of the pieces that are closed: one at a time. */
  private closing: Promise<void> = Promise.resolve();
  private length = FIRST_READ_BYTES;
  /** Bytes of tiles so far, and those that the server copies of them. */
  private readonly tileBytes = { all: 0, copied: 0 };

  constructor(upload: MultipartUpload, limits: PartLimits) {
    this.upload = upload;
    this.limits = limits;
    this.plan = new PartPlan(limits, FIRST_READ_BYTES);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.tileBytes.all += bytes.length;
    await this.append(bytes.length, this.plan.write(bytes));
  }

  async copy(place: ObjectPlace, length: number): Promise<void> {
    this.tileBytes.all += length;
    await this.append(length, this.plan.copy(place, length));
  }

  /** Bytes of tiles that passed through this process, once it is finished. */
  get passedBytes(): number {
    return this.tileBytes.all - this.tileBytes.copied;
  }

  /** Of the whole, as far as it has been appended. */
  get bytes(): number {
    return this.length;
  }

  async finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<void> {
    for (const bytes of tail) await this.append(bytes.length, this.plan.write(bytes));
    // All of it may be less than one part.
    await this.append(0, this.plan.rest());
    if (this.piece !== null) this.closePiece(this.piece);
    this.length += head.length - FIRST_READ_BYTES;
    const first = this.firstPart ?? { kind: 'send', chunks: [], length: 0 };
    const chunks = [{ bytes: head, place: null, length: head.length }, ...(first.kind === 'send' ? first.chunks : [])];
    await this.start({ kind: 'send', chunks, length: head.length + first.length }, 1, null);
    await this.settle();
    this.throwIfFailed();
  }

  /** Waits until nothing is under way any more, however it ended. */
  async settle(): Promise<void> {
    while (this.underWay.send.size + this.underWay.copy.size > 0) {
      await Promise.all([...this.underWay.send, ...this.underWay.copy]);
    }
    await this.closing;
  }

  private async append(length: number, parts: Iterable<PlannedPart>): Promise<void> {
    this.length += length;
    for (const part of parts) {
      this.tileBytes.copied += copiedIn(part);
      // The plan begins with the head, so that the first part is never one that is copied.
      if (this.firstPart === null) this.firstPart = part;
      else await this.place(part);
    }
  }

  /** Gives a part its place in the object or in a piece of it, and begins to send it. */
  private async place(part: PlannedPart): Promise<void> {
    this.throwIfFailed();
    const { maxParts, maxPartBytes, equalParts } = this.limits;
    const isDirect = equalParts || this.nextPart <= Math.ceil(maxParts * (1 - SHARE_OF_PIECES));
    // Two of that size make no piece.
    const isLarge = part.length > maxPartBytes / 2;
    const { piece } = this;
    const isFull = piece !== null && (piece.parts === maxParts || piece.length + part.length > maxPartBytes);
    if (piece !== null && (isFull || isLarge)) this.closePiece(piece);
    if (isDirect || isLarge) {
      await this.start(part, this.takeNumber(), null);
      return;
    }
    this.piece ??= await this.openPiece();
    this.piece.parts++;
    this.piece.length += part.length;
    await this.start(part, this.piece.parts, this.piece);
  }

  private takeNumber(): number {
    const { maxParts, partBytes } = this.limits;
    if (this.nextPart <= maxParts) return this.nextPart++;
    throw new TilerError(
      'BYTES_LIMIT',
      `Putting an archive together: found more than ${maxParts} parts of ${partBytes} bytes; raise TILEWRIGHT_S3_PART_MIB`,
    );
  }

  private async openPiece(): Promise<OpenPiece> {
    // The one before has to be complete, so that two at most are in the making.
    await this.closing;
    this.throwIfFailed();
    const part = this.takeNumber();
    const piece = await this.upload.beginPiece(this.pieces++);
    return { piece, part, parts: 0, length: 0, work: [] };
  }

  private closePiece({ piece, part, length, work }: OpenPiece): void {
    this.piece = null;
    const before = this.closing;
    this.closing = this.noting(async () => {
      await Promise.all([before, ...work]);
      if (this.failure === null) await this.upload.copyPart(part, await piece.complete(length), length);
    });
  }

  /** Begins to send a part once there is room for it. */
  private async start(part: PlannedPart, number: number, piece: OpenPiece | null): Promise<void> {
    const underWay = this.underWay[part.kind === 'copy' ? 'copy' : 'send'];
    const atOnce = part.kind === 'copy' ? COPIED_AT_ONCE : SENT_AT_ONCE;
    while (underWay.size >= atOnce) await Promise.race(underWay);
    this.throwIfFailed();
    const upload = piece?.piece.upload ?? this.upload;
    const pending = this.noting(async () => {
      if (part.kind === 'copy') await upload.copyPart(number, part.place, part.length);
      else if (part.kind === 'join') await this.join(part, number, upload);
      else await upload.putPart(number, await loadChunks(part.chunks, part.length, this.read));
    }).finally(() => underWay.delete(pending));
    underWay.add(pending);
    piece?.work.push(pending);
  }

  /** Makes an object of what becomes one part, and has the server copy it. */
  private async join(part: JoinedPart, number: number, upload: UploadPiece['upload']): Promise<void> {
    const { copied, chunks, length } = part;
    if (upload.hasPart(number, length)) return;
    const joint = await this.upload.beginJoint();
    const [first] = chunks;
    const last = length - copied.length;
    await joint.upload.copyPart(1, copied.place, copied.length);
    if (copiedIn(part) === length && first?.place != null) await joint.upload.copyPart(2, first.place, last);
    else await joint.upload.putPart(2, await loadChunks(chunks, last, this.read));
    await upload.copyPart(number, await joint.complete(length), length);
    await joint.discard();
  }

  private readonly read = (place: ObjectPlace, length: number): Promise<Uint8Array> =>
    this.limitReads(async () => {
      this.throwIfFailed();
      return await this.upload.read(place, length);
    });

  /** Runs work whose failure ends everything, at the next call. */
  private async noting(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.failure ??= { error };
    }
  }

  private throwIfFailed(): void {
    if (this.failure !== null) throw this.failure.error;
  }
}
