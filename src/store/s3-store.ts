import type { StageMeter } from '../observe.ts';
import { S3Objects } from './s3-objects.ts';
import type { S3Location, S3ObjectsOptions } from './s3-objects.ts';
import { TileObjects } from './tile-objects.ts';
import type { PlainTileStore, StoreCallOptions } from './tile-store.ts';

export interface S3StoreOptions extends S3ObjectsOptions {
  /** Ending of the keys without the dot. */
  readonly extension: string;
  readonly contentType: string;
  readonly stages?: StageMeter | undefined;
}

/**
 * Opens the tiles beneath a prefix of a bucket: objects `{prefix}/{z}/{x}/{y}.{extension}`.
 *
 * @throws TilerError those of `openS3Objects`
 */
export async function openS3Store(
  location: S3Location,
  options: S3StoreOptions,
  callOptions: StoreCallOptions,
): Promise<PlainTileStore> {
  return new TileObjects(await openS3Objects(location, options, callOptions), options);
}

/**
 * Opens the objects beneath a prefix of a bucket.
 *
 * @throws TilerError `REQUEST_INVALID` if there is no such bucket, `CONFIG_INVALID` without a region,
 * `STORE_FORBIDDEN` without credentials, `STORE_UNAVAILABLE`, `STORE_THROTTLED`
 */
export async function openS3Objects(
  location: S3Location,
  options: S3ObjectsOptions,
  callOptions: StoreCallOptions,
): Promise<S3Objects> {
  const objects = new S3Objects(location, options);
  try {
    await objects.check(callOptions);
    return objects;
  } catch (error) {
    await objects[Symbol.asyncDispose]();
    throw error;
  }
}
