import { CopyObjectCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { isNoSuchKey } from './aws-error.ts';
import type { MoveOptions } from './object-store.ts';
import type { S3Request } from './s3-requests.ts';
import type { S3WriteHeaders } from './s3-settings.ts';

/** A place in S3. */
interface S3Target {
  readonly Bucket: string;
  readonly Key: string;
}

interface S3Caller {
  readonly client: Pick<S3Client, 'send'>;
  readonly request: S3Request;
}

/** S3 copies no object larger than that in one request. */
export const MAX_COPIED_BYTES = 5 * 1024 ** 3;

const REQUEST_TIMEOUT_MS = 30_000;
/** Of the server's own copying; slow ones do ten times as much. */
const COPIED_BYTES_PER_MS = 10_000;

/** How long the server may take for copying bytes by itself, in milliseconds. */
export function copyTimeoutMs(length: number): number {
  return REQUEST_TIMEOUT_MS + Math.ceil(length / COPIED_BYTES_PER_MS);
}

/** A source as S3 wants it in a header. */
export function copySource({ Bucket, Key }: S3Target): string {
  return `${Bucket}/${Key.split('/').map(encodeURIComponent).join('/')}`;
}

/**
 * Has the server copy an object whole.
 *
 * @returns false if there is no such object
 */
export async function copyInS3(
  { client, request }: S3Caller,
  { from, to, headers }: { readonly from: S3Target; readonly to: S3Target; readonly headers: S3WriteHeaders },
  { contentType, length, signal }: MoveOptions,
): Promise<boolean> {
  const requestTimeout = copyTimeoutMs(length);
  const copy = { ...to, ...headers, ContentType: contentType, CopySource: copySource(from) };
  const input = { ...copy, MetadataDirective: 'REPLACE' } as const;
  const attempted = `Copying s3://${from.Bucket}/${from.Key} to s3://${to.Bucket}/${to.Key}`;
  return await request(attempted, { signal, timeoutMs: requestTimeout }, async (abortSignal) => {
    try {
      await client.send(new CopyObjectCommand(input), { abortSignal, requestTimeout });
      return true;
    } catch (error) {
      if (isNoSuchKey(error)) return false;
      throw error;
    }
  });
}
