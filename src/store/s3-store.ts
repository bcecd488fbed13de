import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import pLimit from 'p-limit';
import { parseAwsError } from '../aws-error.ts';
import { isTilerError, TilerError } from '../errors.ts';
import type { IoCounters } from '../observe.ts';
import { runWithin, TimeoutReached, withRetries } from '../retry.ts';
import type { RetryOptions } from '../retry.ts';
import type { Tile } from '../tms/tile.ts';
import { bucketMissing, fromAwsError, isNoSuchKey, isRegionMissing, regionMissing } from './aws-error.ts';
import { PARTS_FOLDER, checkDocumentName, createPathToTile, partToPath, tileToPath } from './tile-path.ts';
import type { StoreCallOptions, TileStore } from './tile-store.ts';

/** Where tiles lie in S3: `prefix` has no slash at its ends; empty = the bucket's root. */
export interface S3Location {
  readonly bucket: string;
  readonly prefix: string;
}

export interface S3StoreOptions {
  /** Ending of the keys without the dot. */
  readonly extension: string;
  readonly contentType: string;
  /** `Cache-Control` of every object. */
  readonly cacheControl: string;
  /** Buckets as the first part of the path instead of the host name, as most servers other than AWS want it. */
  readonly forcePathStyle: boolean;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  readonly retry?: RetryOptions;
  /** Longest time for one request, answer included. Default 30 s. */
  readonly requestTimeoutMs?: number;
}

/** A tile is never this large; an object that is was not written here. */
const MAX_OBJECT_BYTES = 64 * 1024 * 1024;
const CONNECTION_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_SOCKETS = 64;
const DELETES_AT_ONCE = 16;

/** Five attempts within about two seconds: what is not over by then is for the queue, which can wait without a worker. */
const DEFAULT_RETRY: RetryOptions = { attempts: 5, baseMs: 100, maxMs: 2000 };

/**
 * Opens the tiles beneath a prefix of a bucket: objects `{prefix}/{z}/{x}/{y}.{extension}`.
 *
 * Endpoint, region and credentials come from the AWS SDK's own chain (variables, profiles, roles). The bucket is asked
 * for once, so that a wrong name is found before any work; one that may be written but not listed passes.
 *
 * @throws TilerError `REQUEST_INVALID` if there is no such bucket, `CONFIG_INVALID` without a region,
 * `STORE_FORBIDDEN` without credentials, `STORE_UNAVAILABLE`, `STORE_THROTTLED`
 */
export async function openS3Store(
  location: S3Location,
  options: S3StoreOptions,
  callOptions: StoreCallOptions,
): Promise<TileStore> {
  const store = new S3Store(location, options);
  try {
    await store.check(callOptions);
    return store;
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

class S3Store implements TileStore {
  readonly label: string;
  private readonly location: S3Location;
  private readonly options: S3StoreOptions;
  private readonly client: S3Client;

  constructor(location: S3Location, options: S3StoreOptions) {
    this.location = location;
    this.options = options;
    this.label = `s3://${location.bucket}${location.prefix === '' ? '' : `/${location.prefix}`}`;
    this.client = new S3Client({
      forcePathStyle: options.forcePathStyle,
      // Retries are this store's own, so that they are counted once, follow Retry-After and end with the signal.
      maxAttempts: 1,
      // Bodies are whole buffers, signed by their hash; the newer checksum trailers are refused by some servers.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: new NodeHttpHandler({
        connectionTimeout: CONNECTION_TIMEOUT_MS,
        requestTimeout: options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
        httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
        httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      }),
    });
  }

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

  async put(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void> {
    await this.putObject(tileToPath(tile, this.options.extension), bytes, this.options.contentType, options);
  }

  async get(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.getObject(tileToPath(tile, this.options.extension), options);
  }

  async delete(tile: Tile, options: StoreCallOptions): Promise<void> {
    await this.deleteObject(tileToPath(tile, this.options.extension), options);
  }

  async *list(options: StoreCallOptions): AsyncIterable<Tile> {
    const pathToTile = createPathToTile(this.options.extension);
    for await (const page of this.pages('', options)) {
      for (const path of page) {
        const tile = pathToTile(path);
        if (tile !== null) yield tile;
      }
    }
  }

  async putPart(tile: Tile, bytes: Uint8Array, options: StoreCallOptions): Promise<void> {
    await this.putObject(partToPath(tile), bytes, 'application/octet-stream', options);
  }

  async getPart(tile: Tile, options: StoreCallOptions): Promise<Uint8Array | null> {
    return await this.getObject(partToPath(tile), options);
  }

  async deleteParts(options: StoreCallOptions): Promise<void> {
    for await (const page of this.pages(`${PARTS_FOLDER}/`, options)) {
      // One by one: asking for many at once needs checksums that some servers refuse.
      const limit = pLimit(DELETES_AT_ONCE);
      await Promise.all(page.map((path) => limit(() => this.deleteObject(path, options))));
    }
  }

  async putDocument(path: string, text: string, contentType: string, options: StoreCallOptions): Promise<void> {
    await this.putObject(checkDocumentName(path), new TextEncoder().encode(text), contentType, options);
  }

  async getDocument(path: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.getObject(checkDocumentName(path), options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
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

  private async deleteObject(path: string, options: StoreCallOptions): Promise<void> {
    const target = this.objectAt(path);
    await this.request(`Deleting ${urlOf(target)}`, options, async (abortSignal) => {
      await this.client.send(new DeleteObjectCommand(target), { abortSignal });
    });
  }

  private async putObject(
    path: string,
    bytes: Uint8Array,
    contentType: string,
    options: StoreCallOptions,
  ): Promise<void> {
    const target = this.objectAt(path);
    const { counters, cacheControl } = this.options;
    // A Buffer, not a stream: its length and hash are known, so that every server stores it whole or refuses it.
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const input = { ...target, Body: body, ContentType: contentType, CacheControl: cacheControl };
    await this.request(`Writing ${bytes.length} bytes to ${urlOf(target)}`, options, async (abortSignal) => {
      await this.client.send(new PutObjectCommand(input), { abortSignal });
    });
    counters.writeRequests++;
    counters.bytesWritten += bytes.length;
  }

  private async getObject(path: string, options: StoreCallOptions): Promise<Uint8Array | null> {
    const target = this.objectAt(path);
    return await this.request(`Reading ${urlOf(target)}`, options, async (abortSignal) => {
      try {
        const { Body, ContentLength } = await this.client.send(new GetObjectCommand(target), { abortSignal });
        if (Body === undefined || ContentLength === undefined || ContentLength > MAX_OBJECT_BYTES) {
          throw new TilerError(
            'BYTES_LIMIT',
            `Reading ${urlOf(target)}: ${ContentLength ?? 'an unknown number of'} bytes, expected at most ${MAX_OBJECT_BYTES}`,
          );
        }
        return await Body.transformToByteArray();
      } catch (error) {
        if (isNoSuchKey(error)) return null;
        throw error;
      }
    });
  }

  /** One request with its time-out, its retries, and its errors in this project's words. */
  private async request<T>(
    attempted: string,
    options: StoreCallOptions,
    send: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const timeoutMs = this.options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    const attempt = async (): Promise<T> => {
      try {
        return await runWithin({ signal: options.signal, timeoutMs }, send);
      } catch (error) {
        options.signal.throwIfAborted();
        if (error instanceof TimeoutReached) {
          throw new TilerError('STORE_UNAVAILABLE', `${attempted}: ${error.message}`, { cause: error });
        }
        throw isTilerError(error) ? error : fromAwsError(error, attempted);
      }
    };
    return await withRetries(attempt, this.options.retry ?? DEFAULT_RETRY, { signal: options.signal });
  }
}

function urlOf({ Bucket, Key }: { readonly Bucket: string; readonly Key: string }): string {
  return `s3://${Bucket}/${Key}`;
}
