import { randomUUID } from 'node:crypto';
import type { ComposeOptions, Composition, ObjectPlace } from './object-store.ts';
import { MultipartSink } from './pmtiles/multipart-sink.ts';
import type { UploadJoint, UploadPiece } from './pmtiles/multipart-sink.ts';
import { PART_DIVISION } from './pmtiles/part-plan.ts';
import type { PartLimits } from './pmtiles/part-plan.ts';
import type { S3Compositor } from './s3-compositor.ts';
import { abortUploads, abortUploadsOf } from './s3-upload-memo.ts';
import { S3Upload } from './s3-upload.ts';

const MIB = 1024 * 1024;

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
export const S3_PART_LIMITS = { minPartBytes: 5 * MIB, maxPartBytes: 5 * 1024 * MIB, maxParts: 10_000 } as const;

/** Folder of objects that become one part. */
const JOINTS = 'joints';

/** Of what is kept for going on with a piece. */
const MEMO_ENDING = '.memo';

/** How an object is divided into parts. */
export interface PartRules {
  /** What the limits depend on, as far as it is known before the first request. */
  readonly settings: string;
  /** Asked for after the first request, by which the client has found its host. */
  readonly limits: () => PartLimits;
}

/**
 * Begins an object that is put together as a multipart upload: nobody sees it before it is complete, and what it is made of
 * is copied by the server wherever it is as long as a part. With more parts than an upload may have it is made in two
 * levels; the objects of the first lie beside the memo, and are deleted in the end.
 */
export async function composeInS3(
  store: S3Compositor,
  path: string,
  { resume, ...rest }: ComposeOptions,
  { settings, limits }: PartRules,
): Promise<Composition> {
  // Parts that were copied are known by their lengths: of another division they may hold other bytes.
  const identity = `${resume?.identity} ${PART_DIVISION} ${settings}`;
  const options = resume === undefined ? rest : { ...rest, resume: { ...resume, identity } };
  const upload = await S3Upload.open(store, path, options);
  return new S3Composition(store, { path, upload }, options, limits());
}

class S3Composition implements Composition {
  private readonly store: S3Compositor;
  private readonly path: string;
  private readonly upload: S3Upload;
  private readonly options: ComposeOptions;
  private readonly sink: MultipartSink;
  /** What the names of the pieces begin with. */
  private readonly pieceName: string;
  private readonly pieces: S3Upload[] = [];
  private pieceCount = 0;
  private isFinished = false;

  constructor(
    store: S3Compositor,
    { path, upload }: { readonly path: string; readonly upload: S3Upload },
    options: ComposeOptions,
    limits: PartLimits,
  ) {
    this.store = store;
    this.path = path;
    this.upload = upload;
    this.options = options;
    this.pieceName = `${options.resume?.memo ?? `.tilewright/compositions/${randomUUID()}`}.piece-`;
    this.sink = new MultipartSink(
      {
        putPart: (part, bytes) => upload.putPart(part, bytes),
        copyPart: (part, place, length) => upload.copyPart(part, place, length),
        hasPart: (part, length) => upload.hasPart(part, length),
        read: (place, length) => upload.read(place, length),
        beginPiece: (index) => this.beginPiece(index),
        beginJoint: () => this.beginJoint(),
      },
      limits,
    );
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.sink.write(bytes);
  }

  copy(place: ObjectPlace, length: number): Promise<void> {
    return this.sink.copy(place, length);
  }

  async finish(head: Uint8Array, tail: readonly Uint8Array[]): Promise<void> {
    await this.sink.finish(head, tail);
    await this.upload.complete(this.sink.bytes);
    this.isFinished = true;
    if (this.options.resume !== undefined) {
      // Somebody else may have been at it too, and is told so by the end of its uploads.
      await abortUploadsOf(this.store, this.path, '', this.options);
      await abortUploads(this.store, this.pieceName, () => true, this.options);
    }
    await this.deletePieces();
    await this.upload.forget();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isFinished) return;
    // A part that arrives after an upload was given up may stay for ever.
    await this.sink.settle();
    for (const piece of this.pieces) await piece[Symbol.asyncDispose]();
    await this.upload[Symbol.asyncDispose]();
    // Not with the caller's signal, which may be what ended it.
    if (this.options.resume === undefined) await this.deletePieces(new AbortController().signal).catch(() => {});
  }

  private async beginPiece(index: number): Promise<UploadPiece> {
    const path = `${this.pieceName}${index}`;
    const place = { path, offset: 0 };
    this.pieceCount = index + 1;
    if (this.upload.isComplete) {
      const done = async (): Promise<void> => await Promise.resolve();
      return {
        upload: { putPart: done, copyPart: done, hasPart: () => true },
        complete: async () => await Promise.resolve(place),
      };
    }
    const { resume, signal } = this.options;
    const upload = await S3Upload.open(this.store, path, {
      signal,
      contentType: 'application/octet-stream',
      ...(resume === undefined
        ? {}
        : { resume: { memo: path + MEMO_ENDING, identity: `${resume.identity} piece ${index}` } }),
    });
    return this.pieceOf(upload, place);
  }

  private pieceOf(upload: S3Upload, place: ObjectPlace): UploadPiece {
    this.pieces.push(upload);
    return {
      upload,
      complete: async (length) => {
        await upload.complete(length);
        return place;
      },
    };
  }

  /** Of a name of its own: whoever else composes the object makes others, and nobody goes on with it. */
  private async beginJoint(): Promise<UploadJoint> {
    const { signal } = this.options;
    const path = `${this.pieceName}${JOINTS}/${randomUUID()}`;
    const upload = await S3Upload.open(this.store, path, { signal, contentType: 'application/octet-stream' });
    return { ...this.pieceOf(upload, { path, offset: 0 }), discard: () => this.store.delete(path, { signal }) };
  }

  private async deletePieces(signal = this.options.signal): Promise<void> {
    // Also those of whoever was killed.
    await this.store.deleteAll(`${this.pieceName}${JOINTS}`, { signal });
    for (let index = 0; index < this.pieceCount; index++) {
      for (const ending of ['', MEMO_ENDING]) {
        await this.store.delete(`${this.pieceName}${index}${ending}`, { signal });
      }
    }
  }
}
