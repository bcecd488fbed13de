import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import pLimit from 'p-limit';
import { parseAwsError } from '../aws-error.ts';
import { TilerError } from '../errors.ts';
import type { HostGate } from '../host-gate.ts';
import type { IoCounters } from '../observe.ts';
import type { RetryOptions } from '../retry.ts';
import { createS3Client } from '../s3-client.ts';
import { bucketMissing, isNoSuchKey, isRangeBehindEnd, isRegionMissing, regionMissing } from './aws-error.ts';
import { isListed } from './object-store.ts';
import type { Composition, ListOptions, ObjectStore, PutOptions } from './object-store.ts';
import { composeInS3 } from './s3-composition.ts';
import { createS3Requests } from './s3-requests.ts';
import type { S3Request } from './s3-requests.ts';
import type { StoreCallOptions } from './tile-store.ts';

/** Where objects lie in S3: `prefix` has no slash at its ends; empty = the bucket's root. */
export interface S3Location {
  readonly bucket: string;
  readonly prefix: string;
}

export interface S3ObjectsOptions {
  /** `Cache-Control` of every object. */
  readonly cacheControl: string;
  /** Buckets as the first part of the path instead of the host name, as most servers other than AWS want it. */
  readonly forcePathStyle: boolean;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  readonly retry?: RetryOptions;
  /** Holds requests back once the bucket asks for less of them. Default: none is held back. */
  readonly gate?: HostGate | undefined;
  /** Longest time for one request, answer included. Default 30 s. */
  readonly requestTimeoutMs?: number;
}

/** No object that is read whole is this large; one that is was not written here. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 64;
const DELETES_AT_ONCE = 16;

/** Objects beneath a prefix of a bucket. Endpoint, region and credentials come from the AWS SDK's own chain. */
export class S3Objects implements ObjectStore {
  readonly label: string;
  private readonly location: S3Location;
  private readonly options: S3ObjectsOptions;
  private readonly client: S3Client;
  private readonly request: S3Request;

  constructor(location: S3Location, options: S3ObjectsOptions) {
    this.location = location;
    this.options = options;
    this.label = `s3://${location.bucket}${location.prefix === '' ? '' : `/${location.prefix}`}`;
    const { forcePathStyle, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    this.client = createS3Client({ forcePathStyle, requestTimeoutMs, maxSockets: MAX_SOCKETS });
    this.request = createS3Requests({ ...options, bucket: location.bucket, timeoutMs: requestTimeoutMs });
  }

  /**
   * Asks for the bucket, so that a wrong name is found before any work; one that may be written but not listed passes.
   *
   * @throws TilerError `REQUEST_INVALID` if there is no such bucket, `CONFIG_INVALID` without a region,
   * `STORE_FORBIDDEN` without credentials, `STORE_UNAVAILABLE`, `STORE_THROTTLED`
   */
  async check(options: StoreCallOptions): Promise<void> {
    const { bucket } = this.location;
    await this.request(`Looking for the bucket of ${this.label}`, options, async (abortSignal) => {
      try {
        await this.client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal });
      } catch (error) {
        const { status } = parseAwsError(error);
        // 403: the bucket is there, and listing it is not allowed. Putting may be.
        if (status === 403) return;
        if (status === 404) throw bucketMissing(this.label, bucket, error);
        if (isRegionMissing(error)) throw regionMissing(this.label, error);
        throw error;
      }
    });
  }

  async put(path: string, bytes: Uint8Array, { contentType, signal }: PutOptions): Promise<void> {
    const target = this.objectAt(path);
    const { counters, cacheControl } = this.options;
    // A Buffer, not a stream: its length and hash are known, so that every server stores it whole or refuses it.
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const input = { ...target, Body: body, ContentType: contentType, CacheControl: cacheControl };
    await this.request(`Writing ${bytes.length} bytes to ${urlOf(target)}`, { signal }, async (abortSignal) => {
      await this.client.send(new PutObjectCommand(input), { abortSignal });
    });
    counters.writeRequests++;
    counters.bytesWritten += bytes.length;
  }

  async get(path: string, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.getRange(path, undefined, options);
  }

  async read(path: string, offset: number, length: number, options: StoreCallOptions): Promise<Uint8Array | null> {
    if (length === 0) return new Uint8Array();
    const bytes = await this.getRange(
      path,
      offset < 0 ? `bytes=${offset}` : `bytes=${offset}-${offset + length - 1}`,
      options,
    );
    return bytes?.subarray(0, length) ?? null;
  }

  async delete(path: string, options: StoreCallOptions): Promise<void> {
    const target = this.objectAt(path);
    await this.request(`Deleting ${urlOf(target)}`, options, async (abortSignal) => {
      await this.client.send(new DeleteObjectCommand(target), { abortSignal });
    });
  }

  async deleteAll(folder: string, options: StoreCallOptions): Promise<void> {
    for await (const page of this.pages(`${folder}/`, options)) {
      // One by one: asking for many at once needs checksums that some servers refuse.
      const limit = pLimit(DELETES_AT_ONCE);
      await Promise.all(page.map((path) => limit(() => this.delete(path, options))));
    }
  }

  async *list(folder: string, options: ListOptions): AsyncIterable<string> {
    const start = folder === '' ? '' : `${folder}/`;
    for await (const page of this.pages(start, options)) {
      for (const path of page) if (isListed(path.slice(start.length), options)) yield path;
    }
  }

  async compose(path: string, options: PutOptions): Promise<Composition> {
    const { client, request } = this;
    const { cacheControl, counters } = this.options;
    return await composeInS3(
      { client, request, counters, cacheControl, objectAt: (at) => this.objectAt(at), read: this.read.bind(this) },
      path,
      options,
    );
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
      token = page.NextContinuationToken;
    } while (token !== undefined);
  }

  private async getRange(
    path: string,
    range: string | undefined,
    options: StoreCallOptions,
  ): Promise<Uint8Array | null> {
    const target = this.objectAt(path);
    const input = { ...target, ...(range === undefined ? {} : { Range: range }) };
    return await this.request(`Reading ${urlOf(target)}`, options, async (abortSignal) => {
      try {
        const { Body, ContentLength } = await this.client.send(new GetObjectCommand(input), { abortSignal });
        if (Body === undefined || ContentLength === undefined || ContentLength > MAX_OBJECT_BYTES) {
          throw new TilerError(
            'BYTES_LIMIT',
            `Reading ${urlOf(target)}: ${ContentLength ?? 'an unknown number of'} bytes, expected at most ${MAX_OBJECT_BYTES}`,
          );
        }
        return await Body.transformToByteArray();
      } catch (error) {
        if (isNoSuchKey(error)) return null;
        if (range !== undefined && isRangeBehindEnd(error)) return new Uint8Array();
        throw error;
      }
    });
  }
}

function urlOf({ Bucket, Key }: { readonly Bucket: string; readonly Key: string }): string {
  return `s3://${Bucket}/${Key}`;
}
