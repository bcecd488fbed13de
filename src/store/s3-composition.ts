import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { TilerError } from '../errors.ts';
import type { IoCounters } from '../observe.ts';
import type { Composition, ObjectPlace, PutOptions } from './object-store.ts';
import { MultipartSink } from './pmtiles/multipart-sink.ts';
import type { MultipartUpload } from './pmtiles/multipart-sink.ts';
import type { S3Request } from './s3-requests.ts';
import type { StoreCallOptions } from './tile-store.ts';

/** What a composition needs of the store that it is in. */
export interface S3Compositor {
  readonly client: Pick<S3Client, 'send'>;
  readonly request: S3Request;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  readonly cacheControl: string;
  readonly objectAt: (path: string) => { readonly Bucket: string; readonly Key: string };
  readonly read: (
    path: string,
    offset: number,
    length: number,
    options: StoreCallOptions,
  ) => Promise<Uint8Array | null>;
}

const MIB = 1024 * 1024;

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const LIMITS = { minPartBytes: 5 * MIB, maxPartBytes: 5 * 1024 * MIB, equalParts: false } as const;
const MAX_PARTS = 10_000;

/** How long giving an upload up may take. */
const ABORT_TIMEOUT_MS = 10_000;

/**
 * Begins an object that is put together as a multipart upload: nobody sees it before it is complete, and what it is made of
 * is copied by the server wherever it is as long as a part.
 */
export async function composeInS3(store: S3Compositor, path: string, options: PutOptions): Promise<Composition> {
  const upload = await S3Upload.begin(store, path, options);
  const sink = new MultipartSink(upload, LIMITS);
  return {
    write: (bytes) => sink.write(bytes),
    copy: (place, length) => sink.copy(place, length),
    async finish(head, tail) {
      await sink.finish(head, tail);
      await upload.complete();
    },
    [Symbol.asyncDispose]: () => upload[Symbol.asyncDispose](),
  };
}

class S3Upload implements MultipartUpload, AsyncDisposable {
  private readonly store: S3Compositor;
  private readonly target: ReturnType<S3Compositor['objectAt']>;
  private readonly signal: AbortSignal;
  private readonly uploadId: string;
  private readonly tags = new Map<number, string>();
  private isComplete = false;

  private constructor(store: S3Compositor, path: string, signal: AbortSignal, uploadId: string) {
    this.store = store;
    this.target = store.objectAt(path);
    this.signal = signal;
    this.uploadId = uploadId;
  }

  static async begin(store: S3Compositor, path: string, { contentType, signal }: PutOptions): Promise<S3Upload> {
    const input = { ...store.objectAt(path), ContentType: contentType, CacheControl: store.cacheControl };
    const attempted = attemptedOn(input);
    const { UploadId } = await store.request(attempted, { signal }, (abortSignal) =>
      store.client.send(new CreateMultipartUploadCommand(input), { abortSignal }),
    );
    if (UploadId !== undefined) return new S3Upload(store, path, signal, UploadId);
    throw new TilerError('STORE_UNAVAILABLE', `${attempted}: found no upload in the answer`);
  }

  async putPart(part: number, bytes: Uint8Array): Promise<void> {
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const input = { ...this.partInput(part), Body: body };
    const { ETag } = await this.call((client, abortSignal) =>
      client.send(new UploadPartCommand(input), { abortSignal }),
    );
    this.keep(part, ETag);
    this.store.counters.bytesWritten += bytes.length;
  }

  async copyPart(part: number, place: ObjectPlace, length: number): Promise<void> {
    const { Bucket, Key } = this.store.objectAt(place.path);
    const source = `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`;
    const range = `bytes=${place.offset}-${place.offset + length - 1}`;
    const input = { ...this.partInput(part), CopySource: source, CopySourceRange: range };
    const { CopyPartResult } = await this.call((client, abortSignal) =>
      client.send(new UploadPartCopyCommand(input), { abortSignal }),
    );
    this.keep(part, CopyPartResult?.ETag);
  }

  async read({ path, offset }: ObjectPlace, length: number): Promise<Uint8Array> {
    const bytes = await this.store.read(path, offset, length, { signal: this.signal });
    if (bytes?.length === length) return bytes;
    const found = `${bytes?.length ?? 'none'} of ${length} bytes at ${offset} of ${path}`;
    throw new TilerError('ARCHIVE_INVALID', `${attemptedOn(this.target)}: found ${found}`);
  }

  async complete(): Promise<void> {
    const Parts = [...this.tags].sort(([a], [b]) => a - b).map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
    const input = { ...this.target, UploadId: this.uploadId, MultipartUpload: { Parts } };
    await this.call((client, abortSignal) => client.send(new CompleteMultipartUploadCommand(input), { abortSignal }));
    this.isComplete = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.isComplete) return;
    const { client, request } = this.store;
    const input = { ...this.target, UploadId: this.uploadId };
    // Not with the caller's signal, which may be what ended it; a bucket's life-cycle rule removes what stays.
    const signal = AbortSignal.timeout(ABORT_TIMEOUT_MS);
    await request(attemptedOn(this.target), { signal }, (abortSignal) =>
      client.send(new AbortMultipartUploadCommand(input), { abortSignal }),
    ).catch(() => {});
  }

  private async call<T>(send: (client: S3Compositor['client'], signal: AbortSignal) => Promise<T>): Promise<T> {
    const { client, request } = this.store;
    return await request(attemptedOn(this.target), { signal: this.signal }, (signal) => send(client, signal));
  }

  private partInput(part: number) {
    if (part <= MAX_PARTS) return { ...this.target, UploadId: this.uploadId, PartNumber: part };
    const attempted = attemptedOn(this.target);
    throw new TilerError('BYTES_LIMIT', `${attempted}: found more than ${MAX_PARTS} parts; raise metatileSize`);
  }

  private keep(part: number, tag: string | undefined): void {
    if (tag === undefined) {
      throw new TilerError('STORE_UNAVAILABLE', `${attemptedOn(this.target)}: found no ETag for part ${part}`);
    }
    this.tags.set(part, tag);
    this.store.counters.writeRequests++;
  }
}

function attemptedOn({ Bucket, Key }: { readonly Bucket: string; readonly Key: string }): string {
  return `Composing s3://${Bucket}/${Key}`;
}
