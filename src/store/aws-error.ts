import { AWS_CREDENTIALS_NAMES, AWS_PASSING_NAMES, AWS_THROTTLED_NAMES, parseAwsError } from '../aws-error.ts';
import type { AwsErrorParts } from '../aws-error.ts';
import { TilerError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

/**
 * Says what a failure of an S3 request means for the queue: 429 and SlowDown are `STORE_THROTTLED` (with the server's
 * `Retry-After`), 5xx, time-outs and broken connections are `STORE_UNAVAILABLE`, 412 is `STORE_CONFLICT`, and every other
 * refusal, missing credentials and a missing bucket among them, is `STORE_FORBIDDEN`.
 *
 * @param attempted - what was done to what, for the message; without credentials
 */
export function fromAwsError(error: unknown, attempted: string): TilerError {
  const parts = parseAwsError(error);
  const found = parts.status === null ? parts.name : `${parts.status} ${parts.name}`;
  const detail = parts.message === '' || parts.message === parts.name ? '' : `: ${parts.message}`;
  return new TilerError(codeOf(parts), `${attempted}: ${found}${detail}`, {
    cause: error,
    ...(parts.status === null ? {} : { context: { status: parts.status } }),
    ...(parts.retryAfterMs === null ? {} : { retryAfterMs: parts.retryAfterMs }),
  });
}

/** True for the answer "there is no such object". A missing bucket is none: it is an error. */
export function isNoSuchKey(error: unknown): boolean {
  const { name, status } = parseAwsError(error);
  return name === 'NoSuchKey' || (status === 404 && name !== 'NoSuchBucket');
}

/** True for the answer "there is no such upload", or none any more. */
export function isNoSuchUpload(error: unknown): boolean {
  return parseAwsError(error).name === 'NoSuchUpload';
}

/** True for the answer "the object ends before that range". */
export function isRangeBehindEnd(error: unknown): boolean {
  const { name, status } = parseAwsError(error);
  return name === 'InvalidRange' || status === 416;
}

function codeOf({ name, status }: AwsErrorParts): ErrorCode {
  if (AWS_THROTTLED_NAMES.has(name) || status === 429) return 'STORE_THROTTLED';
  if (AWS_CREDENTIALS_NAMES.has(name)) return 'STORE_FORBIDDEN';
  if (status === null || status >= 500 || status === 408 || AWS_PASSING_NAMES.has(name)) return 'STORE_UNAVAILABLE';
  return status === 412 ? 'STORE_CONFLICT' : 'STORE_FORBIDDEN';
}

/** The bucket of an output is not there. */
export function bucketMissing(label: string, bucket: string, cause: unknown): TilerError {
  return new TilerError('REQUEST_INVALID', `Opening ${label}: there is no bucket "${bucket}" at this endpoint`, {
    cause,
  });
}

/** True if the SDK found no region to send a request to. */
export function isRegionMissing(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Region is missing');
}

/** Says how a region is set. */
export function regionMissing(label: string, cause: unknown): TilerError {
  return new TilerError('CONFIG_INVALID', `Opening ${label}: no region is set. Set AWS_REGION`, { cause });
}
