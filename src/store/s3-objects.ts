import { DeleteObjectCommand, GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { TilerError } from '../errors.ts';
import type { HostGate } from '../host-gate.ts';
import { eachInFlight } from '../in-flight.ts';
import type { IoCounters } from '../observe.ts';
import type { RetryOptions } from '../retry.ts';
import { createS3Client } from '../s3-client.ts';
import { isNoSuchKey, isRangeBehindEnd } from './aws-error.ts';
import { DELETES_AT_ONCE, isListed } from './object-store.ts';
import type { ComposeOptions, Composition, ListOptions, MoveOptions } from './object-store.ts';
import type { ObjectStore, PutOptions, TaggedBytes } from './object-store.ts';
import type { PartLimits } from './pmtiles/part-plan.ts';
import { createS3Checksums } from './s3-checksums.ts';
import type { S3Checksums } from './s3-checksums.ts';
import { composeInS3, S3_PART_LIMITS } from './s3-composition.ts';
import type { S3Compositor } from './s3-compositor.ts';
import { putInS3If } from './s3-conditional.ts';
import { copyInS3, MAX_COPIED_BYTES } from './s3-move.ts';
import { createS3Put } from './s3-put.ts';
import type { PutInS3 } from './s3-put.ts';
import { createS3Requests } from './s3-requests.ts';
import type { S3Request } from './s3-requests.ts';
import { checkBucket, nextPageOf, partRulesOf, watchHost } from './s3-server.ts';
import { DEFAULT_S3_SETTINGS, writeHeadersOf } from './s3-settings.ts';
import type { S3Settings } from './s3-settings.ts';
import { abortUpload, listUploads } from './s3-upload-memo.ts';
import type { PendingUpload } from './s3-upload-memo.ts';
import type { StoreCallOptions } from './tile-store.ts';

/** Where objects lie in S3: `prefix` has no slash at its ends; empty = the bucket's root. */
export interface S3Location {
  readonly bucket: string;
  readonly prefix: string;
}

export interface S3ObjectsOptions extends Partial<S3Settings> {
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  readonly retry?: RetryOptions;
  /** Holds requests back once the bucket asks for less of them. Default: none is held back. */
  readonly gate?: HostGate | undefined;
  /** Longest time for one request, answer included. Default 30 s. */
  readonly requestTimeoutMs?: number;
  /** Of parts of what is composed. Default: those of S3. */
  readonly limits?: Pick<PartLimits, 'minPartBytes' | 'maxPartBytes' | 'maxParts'>;
}

/** An upload under way, by the path that the object will have in the store. */
export interface PathUpload extends Omit<PendingUpload, 'key'> {
  readonly path: string;
}

/** No object that is read whole is this large; one that is was not written here. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 64;

/** Objects beneath a prefix of a bucket. Endpoint, region and credentials come from the AWS SDK's own chain. */
export class S3Objects implements ObjectStore {
  readonly label: string;
  private readonly location: S3Location;
  private readonly options: S3ObjectsOptions;
  private readonly settings: S3Settings;
  private readonly client: S3Client;
  private readonly request: S3Request;
  private readonly checksums: S3Checksums;
  private readonly putObject: PutInS3;
  private readonly hostOf: () => string;

  constructor(location: S3Location, options: S3ObjectsOptions) {
    this.location = location;
    this.options = options;
    this.label = `s3://${location.bucket}${location.prefix === '' ? '' : `/${location.prefix}`}`;
    this.settings = { ...DEFAULT_S3_SETTINGS, ...options };
    const { requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    this.client = createS3Client({ ...this.settings, requestTimeoutMs, maxSockets: MAX_SOCKETS });
    const { requestsPerSecond } = this.settings;
    const { bucket } = location;
    this.request = createS3Requests({ ...options, bucket, requestsPerSecond, timeoutMs: requestTimeoutMs });
    this.hostOf = watchHost(this.client);
    this.putObject = createS3Put(this.client);
    this.checksums = createS3Checksums(this.settings.checksum);
  }

  /**
   * Asks for the bucket, so that a wrong name is found before any work.
   *
   * @throws TilerError those of `checkBucket`
   */
  async check(options: StoreCallOptions): Promise<void> {
    const { client, request, label } = this;
    await checkBucket({ client, request, label, bucket: this.location.bucket }, options);
  }

  async put(path: string, bytes: Uint8Array, { contentType, signal }: PutOptions): Promise<void> {
    const target = this.objectAt(path);
    const { counters } = this.options;
    // A Buffer, not a stream: its length and hash are known, so that every server stores it whole or refuses it.
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { Bucket, Key: key } = target;
    const headers = { Bucket, ...writeHeadersOf(path, this.settings), ContentType: contentType };
    await this.request(`Writing ${bytes.length} bytes to ${urlOf(target)}`, { signal }, (abortSignal) =>
      this.checksums((checksum) => this.putObject({ input: { ...headers, ...checksum }, key, body }, abortSignal)),
    );
    counters.writeRequests++;
    counters.bytesWritten += bytes.length;
  }

  async putIf(
    path: string,
    bytes: Uint8Array,
    expectedTag: string | null,
    options: PutOptions,
  ): Promise<string | null> {
    const { client, request } = this;
    const { counters } = this.options;
    const put = { target: this.objectAt(path), headers: writeHeadersOf(path, this.settings), bytes, expectedTag };
    return await putInS3If({ client, request, counters }, put, options);
  }

  async move(from: string, to: string, options: MoveOptions): Promise<boolean | null> {
    const { client, request } = this;
    if (!partRulesOf(this.hostOf(), this.settings).copyParts || options.length > MAX_COPIED_BYTES) return null;
    const copy = { from: this.objectAt(from), to: this.objectAt(to), headers: writeHeadersOf(to, this.settings) };
    if (!(await copyInS3({ client, request }, copy, options))) return false;
    await this.delete(from, options);
    return true;
  }

  async get(path: string, options: StoreCallOptions): Promise<Uint8Array | null> {
    return (await this.getRange(path, undefined, options))?.bytes ?? null;
  }

  async getTagged(path: string, options: StoreCallOptions): Promise<TaggedBytes | null> {
    return await this.getRange(path, undefined, options);
  }

  async read(path: string, offset: number, length: number, options: StoreCallOptions): Promise<Uint8Array | null> {
    if (length === 0) return new Uint8Array();
    const found = await this.getRange(
      path,
      offset < 0 ? `bytes=${offset}` : `bytes=${offset}-${offset + length - 1}`,
      options,
    );
    return found?.bytes.subarray(0, length) ?? null;
  }

  async delete(path: string, options: StoreCallOptions): Promise<void> {
    const target = this.objectAt(path);
    await this.request(`Deleting ${urlOf(target)}`, options, async (abortSignal) => {
      await this.client.send(new DeleteObjectCommand(target), { abortSignal });
    });
  }

  async deleteAll(folder: string, options: StoreCallOptions): Promise<void> {
    for await (const page of this.pages(`${folder}/`, options)) {
      await eachInFlight(page, DELETES_AT_ONCE, (path) => this.delete(path, options));
    }
  }

  async *list(folder: string, options: ListOptions): AsyncIterable<string> {
    const start = folder === '' ? '' : `${folder}/`;
    for await (const page of this.pages(start, options)) {
      for (const path of page) if (isListed(path.slice(start.length), options)) yield path;
    }
  }

  async compose(path: string, options: ComposeOptions): Promise<Composition> {
    const { client, request } = this;
    const { counters, limits = S3_PART_LIMITS } = this.options;
    const compositor: S3Compositor = {
      client,
      request,
      counters,
      objectAt: (at) => this.objectAt(at),
      headersOf: (at) => writeHeadersOf(at, this.settings),
      put: this.put.bind(this),
      get: this.get.bind(this),
      read: this.read.bind(this),
      delete: this.delete.bind(this),
      deleteAll: this.deleteAll.bind(this),
    };
    const { partBytes, equalParts, copyParts } = this.settings;
    const findLimits = (): PartLimits => ({ ...limits, ...partRulesOf(this.hostOf(), this.settings), partBytes });
    const settings = JSON.stringify([limits, partBytes, equalParts, copyParts]);
    return await composeInS3(compositor, path, options, { settings, limits: findLimits });
  }

  /** Uploads under way to paths that begin with `start`. */
  async *uploads(start: string, options: StoreCallOptions): AsyncIterable<PathUpload> {
    const { client, request } = this;
    const root = this.objectAt('').Key;
    for await (const { key, ...upload } of listUploads({ client, request }, this.objectAt(start), options)) {
      yield { ...upload, path: key.slice(root.length) };
    }
  }

  /** Gives an upload up, with all its parts. */
  async abortUpload(
    { path, uploadId }: Pick<PathUpload, 'path' | 'uploadId'>,
    options: StoreCallOptions,
  ): Promise<void> {
    const { client, request } = this;
    await abortUpload({ client, request }, this.objectAt(path), uploadId, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client.destroy();
    await Promise.resolve();
  }

  private objectAt(path: string): { Bucket: string; Key: string } {
    const { bucket, prefix } = this.location;
    return { Bucket: bucket, Key: prefix === '' ? path : `${prefix}/${path}` };
  }

  /** The keys that begin with `start`, page by page, both without the store's prefix. */
  private async *pages(start: string, options: StoreCallOptions): AsyncGenerator<readonly string[]> {
    const root = this.objectAt('').Key;
    let token: string | undefined;
    do {
      const page = await this.request(`Listing ${this.label}`, options, async (abortSignal) => {
        const input = { Bucket: this.location.bucket, Prefix: root + start, ContinuationToken: token };
        return await this.client.send(new ListObjectsV2Command(input), { abortSignal });
      });
      yield (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key.slice(root.length)]));
      token = nextPageOf(page, this.label);
    } while (token !== undefined);
  }

  private async getRange(
    path: string,
    range: string | undefined,
    options: StoreCallOptions,
  ): Promise<TaggedBytes | null> {
    const target = this.objectAt(path);
    const input = { ...target, ...(range === undefined ? {} : { Range: range }) };
    return await this.request(`Reading ${urlOf(target)}`, options, async (abortSignal) => {
      try {
        const { Body, ContentLength, ETag = '' } = await this.client.send(new GetObjectCommand(input), { abortSignal });
        if (Body === undefined || ContentLength === undefined || ContentLength > MAX_OBJECT_BYTES) {
          throw new TilerError(
            'BYTES_LIMIT',
            `Reading ${urlOf(target)}: ${ContentLength ?? 'an unknown number of'} bytes, expected at most ${MAX_OBJECT_BYTES}`,
          );
        }
        return { bytes: await Body.transformToByteArray(), tag: ETag };
      } catch (error) {
        if (isNoSuchKey(error)) return null;
        if (range !== undefined && isRangeBehindEnd(error)) return { bytes: new Uint8Array(), tag: '' };
        throw error;
      }
    });
  }
}

function urlOf({ Bucket, Key }: { readonly Bucket: string; readonly Key: string }): string {
  return `s3://${Bucket}/${Key}`;
}
