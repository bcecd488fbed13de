import { HeadBucketCommand } from '@aws-sdk/client-s3';
import type { ListObjectsV2CommandOutput, S3Client } from '@aws-sdk/client-s3';
import { parseAwsError } from '../aws-error.ts';
import { TilerError } from '../errors.ts';
import { bucketMissing, isRegionMissing, regionMissing } from './aws-error.ts';
import type { S3Request } from './s3-requests.ts';
import type { S3Settings } from './s3-settings.ts';
import type { StoreCallOptions } from './tile-store.ts';

/** Stores whose uploads have parts of one size. @see https://developers.cloudflare.com/r2/objects/multipart-objects/ */
const EQUAL_PARTS_HOSTS = /(^|\.)r2\.cloudflarestorage\.com$/i;

/** Stores that copy objects, but no parts of them. @see https://cloud.google.com/storage/docs/multipart-uploads */
const NO_COPIES_HOSTS = /(^|\.)storage\.googleapis\.com$/i;

/** Tells which host the requests of a client go to, as the SDK's own chain finds it; empty before the first of them. */
export function watchHost({ middlewareStack }: Pick<S3Client, 'middlewareStack'>): () => string {
  let host = '';
  middlewareStack.add(
    (next) => async (args) => {
      const { request } = args;
      if (typeof request === 'object' && request !== null && 'hostname' in request) host = String(request.hostname);
      return await next(args);
    },
    { step: 'build', name: 'watchHost' },
  );
  return () => host;
}

/** How parts have to be at a host: as they were set, or as it is known to want them. */
export function partRulesOf(
  host: string,
  { equalParts, copyParts }: Pick<S3Settings, 'equalParts' | 'copyParts'>,
): Pick<S3Settings, 'equalParts' | 'copyParts'> {
  return {
    equalParts: equalParts || EQUAL_PARTS_HOSTS.test(host),
    copyParts: copyParts && !NO_COPIES_HOSTS.test(host),
  };
}

/**
 * What the page after a page of a list is asked for with; undefined = there is none.
 *
 * @throws TilerError `STORE_FORBIDDEN` for a server that does not say it, such as one that knows an older kind of lists only
 */
export function nextPageOf(
  {
    IsTruncated,
    NextContinuationToken: token,
  }: Pick<ListObjectsV2CommandOutput, 'IsTruncated' | 'NextContinuationToken'>,
  label: string,
): string | undefined {
  if (token !== undefined || IsTruncated !== true) return token;
  throw new TilerError(
    'STORE_FORBIDDEN',
    `Listing ${label}: found a page with others behind it, and no token for them`,
  );
}

interface Bucket {
  readonly client: Pick<S3Client, 'send'>;
  readonly request: S3Request;
  readonly label: string;
  readonly bucket: string;
}

/**
 * Asks for a bucket; one that may be written but not listed passes.
 *
 * @throws TilerError `REQUEST_INVALID` if there is no such bucket, `CONFIG_INVALID` without a region,
 * `STORE_FORBIDDEN` without credentials, `STORE_UNAVAILABLE`, `STORE_THROTTLED`
 */
export async function checkBucket(
  { client, request, label, bucket }: Bucket,
  options: StoreCallOptions,
): Promise<void> {
  await request(`Looking for the bucket of ${label}`, options, async (abortSignal) => {
    try {
      await client.send(new HeadBucketCommand({ Bucket: bucket }), { abortSignal });
    } catch (error) {
      const { status } = parseAwsError(error);
      // 403: the bucket is there, and listing it is not allowed. Putting may be.
      if (status === 403) return;
      if (status === 404) throw bucketMissing(label, bucket, error);
      if (isRegionMissing(error)) throw regionMissing(label, error);
      throw error;
    }
  });
}
