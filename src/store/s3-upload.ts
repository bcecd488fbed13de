import { hash, randomUUID } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { digestOf } from '../digest.ts';
import { TilerError } from '../errors.ts';
import { isNoSuchKey, isNoSuchUpload } from './aws-error.ts';
import type { ComposeOptions, ObjectPlace, ResumeOptions } from './object-store.ts';
import type { S3Compositor } from './s3-compositor.ts';
import { copySource, copyTimeoutMs } from './s3-move.ts';
import { abortUploadsOf, findUpload, rememberUpload } from './s3-upload-memo.ts';
import type { SentPart } from './s3-upload-memo.ts';

/** How long giving an upload up may take. */
const ABORT_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** S3 may take minutes to join thousands of parts, and sends nothing until it has begun. */
const COMPLETE_TIMEOUT_MS = 600_000;

/** Kept with the object, so that whoever lost the answer to its completion knows it again. */
const IDENTITY = 'tilewright-identity';

/**
 * A multipart upload of one object. States: under way → complete; one that is resumed may be complete from the beginning,
 * and then takes everything for done. Parts that are there from before are not sent again: those that pass through here
 * if their MD5 is that of the bytes, those that the server copies if they have the length.
 */
export class S3Upload implements AsyncDisposable {
  private readonly store: S3Compositor;
  private readonly path: string;
  private readonly options: ComposeOptions;
  private readonly identity: string;
  /** Null before it is begun, and once it is complete. */
  private uploadId: string | null = null;
  private sent: ReadonlyMap<number, SentPart> = new Map();
  private readonly tags = new Map<number, string>();

  private constructor(store: S3Compositor, path: string, options: ComposeOptions) {
    this.store = store;
    this.path = path;
    this.options = options;
    this.identity = digestOf(options.resume?.identity ?? randomUUID(), 64);
  }

  /**
   * Goes on with an upload that was begun before, or begins one. One process at a time makes an object: what uploads of it
   * there are besides were left by processes that were killed, and are given up.
   */
  static async open(store: S3Compositor, path: string, options: ComposeOptions): Promise<S3Upload> {
    const upload = new S3Upload(store, path, options);
    if (options.resume !== undefined && (await upload.goOn(options.resume))) return upload;
    await abortUploadsOf(store, path, '', options);
    await upload.begin();
    return upload;
  }

  get isComplete(): boolean {
    return this.uploadId === null;
  }

  async putPart(part: number, bytes: Uint8Array): Promise<void> {
    if (this.uploadId === null || this.isSent(part, bytes.length, bytes)) return;
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const input = { ...this.target(), PartNumber: part, Body: body };
    const { ETag } = await this.call((abortSignal) =>
      this.store.client.send(new UploadPartCommand(input), { abortSignal }),
    );
    this.keep(part, ETag);
    this.store.counters.bytesWritten += bytes.length;
  }

  async copyPart(part: number, place: ObjectPlace, length: number): Promise<void> {
    if (this.uploadId === null || this.isSent(part, length, null)) return;
    const source = copySource(this.store.objectAt(place.path));
    const range = `bytes=${place.offset}-${place.offset + length - 1}`;
    const input = { ...this.target(), PartNumber: part, CopySource: source, CopySourceRange: range };
    const requestTimeout = copyTimeoutMs(length);
    const { CopyPartResult } = await this.call(
      (abortSignal) => this.store.client.send(new UploadPartCopyCommand(input), { abortSignal, requestTimeout }),
      requestTimeout,
    );
    this.keep(part, CopyPartResult?.ETag);
  }

  /** True if a part of this length is there from before, or the object is complete. For parts that the server copies. */
  hasPart(part: number, length: number): boolean {
    return this.uploadId === null || this.isSent(part, length, null);
  }

  async read({ path, offset }: ObjectPlace, length: number): Promise<Uint8Array> {
    // Nobody looks at what is not sent.
    if (this.uploadId === null) return new Uint8Array(length);
    const bytes = await this.store.read(path, offset, length, this.options);
    if (bytes?.length === length) return bytes;
    const found = `${bytes?.length ?? 'none'} of ${length} bytes at ${offset} of ${path}`;
    throw new TilerError('ARCHIVE_INVALID', `${this.attempted()}: found ${found}`);
  }

  /**
   * Makes the object of its parts. Somebody may have done so before, unheard: then the object is there, with the identity
   * and the length of this one.
   */
  async complete(length: number): Promise<void> {
    if (this.uploadId !== null) {
      const Parts = [...this.tags].sort(([a], [b]) => a - b).map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
      const input = { ...this.target(), MultipartUpload: { Parts } };
      const requestTimeout = COMPLETE_TIMEOUT_MS;
      await this.call(async (abortSignal) => {
        try {
          await this.store.client.send(new CompleteMultipartUploadCommand(input), { abortSignal, requestTimeout });
        } catch (error) {
          if (!isNoSuchUpload(error)) throw error;
        }
      }, requestTimeout);
    }
    const found = await this.lengthOfTarget();
    if (found !== length) {
      // Whoever comes next begins anew.
      await this.forget();
      throw new TilerError(
        'STORE_UNAVAILABLE',
        `${this.attempted()}: found ${found === null ? 'another object, or none' : `${found} bytes`}, expected ${length}`,
      );
    }
    this.uploadId = null;
  }

  /** Removes what was kept for going on with it. */
  async forget(): Promise<void> {
    const { resume } = this.options;
    if (resume !== undefined) await this.store.delete(resume.memo, this.options);
  }

  /** Gives the upload up, unless it is complete or can be resumed. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.uploadId === null || this.options.resume !== undefined) return;
    const input = this.target();
    // Not with the caller's signal, which may be what ended it; a bucket's life-cycle rule removes what stays.
    const signal = AbortSignal.timeout(ABORT_TIMEOUT_MS);
    const { client, request } = this.store;
    await request(this.attempted(), { signal }, (abortSignal) =>
      client.send(new AbortMultipartUploadCommand(input), { abortSignal }),
    ).catch(() => {});
  }

  /** @returns true if there is an upload to go on with, or the object is there */
  private async goOn({ memo }: ResumeOptions): Promise<boolean> {
    const { store, path, identity, options } = this;
    const found = await findUpload(store, { memo, path, identity }, options);
    if (found !== null) {
      this.uploadId = found.uploadId;
      this.sent = found.sent;
      return true;
    }
    return (await this.lengthOfTarget()) !== null;
  }

  private async begin(): Promise<void> {
    const { store, path, options, identity } = this;
    const input = {
      ...store.objectAt(path),
      ...store.headersOf(path),
      ContentType: options.contentType,
      Metadata: { [IDENTITY]: identity },
    };
    let sent = 0;
    const { UploadId } = await this.call(async (abortSignal) => {
      sent++;
      return await store.client.send(new CreateMultipartUploadCommand(input), { abortSignal });
    });
    if (UploadId === undefined) {
      throw new TilerError('STORE_UNAVAILABLE', `${this.attempted()}: found no upload in the answer`);
    }
    this.uploadId = UploadId;
    // The answer to an earlier attempt was lost, and that upload with it.
    if (sent > 1) await abortUploadsOf(store, path, UploadId, options);
    if (options.resume === undefined) return;
    await rememberUpload(store, { memo: options.resume.memo, identity, uploadId: UploadId }, options);
  }

  /** Null unless the object has been made by an upload of this identity. */
  private async lengthOfTarget(): Promise<number | null> {
    const { client, objectAt } = this.store;
    const input = objectAt(this.path);
    return await this.call(async (abortSignal) => {
      try {
        const { ContentLength = 0, Metadata } = await client.send(new HeadObjectCommand(input), { abortSignal });
        return Metadata?.[IDENTITY] === this.identity ? ContentLength : null;
      } catch (error) {
        if (isNoSuchKey(error)) return null;
        throw error;
      }
    });
  }

  private isSent(part: number, length: number, bytes: Uint8Array | null): boolean {
    const found = this.sent.get(part);
    if (found?.length !== length) return false;
    const isSame = bytes === null || found.tag.replaceAll('"', '') === hash('md5', bytes, 'hex');
    if (isSame) this.tags.set(part, found.tag);
    return isSame;
  }

  private async call<T>(send: (signal: AbortSignal) => Promise<T>, timeoutMs = REQUEST_TIMEOUT_MS): Promise<T> {
    return await this.store.request(this.attempted(), { signal: this.options.signal, timeoutMs }, send);
  }

  private target() {
    return { ...this.store.objectAt(this.path), UploadId: this.uploadId ?? '' };
  }

  private keep(part: number, tag: string | undefined): void {
    if (tag === undefined) {
      throw new TilerError('STORE_UNAVAILABLE', `${this.attempted()}: found no ETag for part ${part}`);
    }
    this.tags.set(part, tag);
    this.store.counters.writeRequests++;
  }

  private attempted(): string {
    const { Bucket, Key } = this.store.objectAt(this.path);
    return `Composing s3://${Bucket}/${Key}`;
  }
}
