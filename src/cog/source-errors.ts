import {
  AWS_CREDENTIALS_NAMES,
  AWS_PASSING_NAMES,
  AWS_THROTTLED_NAMES,
  parseAwsError,
  type AwsErrorParts,
} from '../aws-error.ts';
import { TilerError, isAbortError, isAbsent, isTilerError, systemCodeOf, type ErrorCode } from '../errors.ts';
import { parseRetryAfter } from '../retry.ts';
import { ADDRESS_REFUSED } from './http-agent.ts';

/** A range that was asked for, for messages. `label` has no credentials and no query string. */
export interface RangeAttempt {
  readonly label: string;
  readonly offset: number;
  readonly length: number;
}

/** Builds the error of a range read: what was attempted, on what, what was found. */
export function rangeError(
  code: ErrorCode,
  attempt: RangeAttempt,
  found: string,
  options: { readonly cause?: unknown; readonly status?: number | null; readonly retryAfterMs?: number | null } = {},
): TilerError {
  const { label, offset, length } = attempt;
  const { cause, status = null, retryAfterMs = null } = options;
  return new TilerError(code, `Reading ${length} bytes at ${offset} of ${label}: ${found}`, {
    context: { href: label, offset, ...(status === null ? {} : { status }) },
    ...(cause === undefined ? {} : { cause }),
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}

/** Translates an HTTP status that is not an answer to a range read. */
export function fromHttpStatus(status: number, retryAfter: string | undefined, attempt: RangeAttempt): TilerError {
  const retryAfterMs = parseRetryAfter(retryAfter, Date.now());
  const code = codeOfStatus(status, retryAfterMs !== null);
  return rangeError(code, attempt, `the server answered ${status}`, { status, retryAfterMs });
}

function codeOfStatus(status: number, hasRetryAfter: boolean): ErrorCode {
  if (status === 404 || status === 410) return 'ASSET_NOT_FOUND';
  if (status === 401 || status === 403 || status === 407) return 'ASSET_FORBIDDEN';
  if (status === 412) return 'ASSET_CHANGED';
  if (status === 429 || (status === 503 && hasRetryAfter)) return 'SOURCE_THROTTLED';
  if (status === 408 || status >= 500) return 'SOURCE_UNAVAILABLE';
  return 'ASSET_UNSUPPORTED';
}

/** Translates what undici, DNS, TLS and sockets throw. An `AbortError` and a `TilerError` stay as they are. */
export function fromTransportError(error: unknown, attempt: RangeAttempt): unknown {
  if (isAbortError(error) || isTilerError(error)) return error;
  const code = systemCodeOf(error) ?? '';
  const text = `${code === '' ? '' : `${code}: `}${messageOf(error)}`;
  if (code === ADDRESS_REFUSED) return rangeError('ASSET_FORBIDDEN', attempt, messageOf(error), { cause: error });
  return rangeError('SOURCE_UNAVAILABLE', attempt, text, { cause: error });
}

/** Translates what the S3 client throws: its status where it got one, else a failed transport. */
export function fromAwsError(error: unknown, attempt: RangeAttempt): unknown {
  if (isAbortError(error) || isTilerError(error)) return error;
  const parts = parseAwsError(error);
  const code = codeOfAwsError(parts);
  if (code === null) return fromTransportError(error, attempt);
  return rangeError(code, attempt, foundInAwsError(parts), {
    cause: error,
    status: parts.status,
    retryAfterMs: parts.retryAfterMs,
  });
}

/** Null where no answer came. Some compatible stores send a name with another status than S3 does. */
function codeOfAwsError({ name, status, retryAfterMs }: AwsErrorParts): ErrorCode | null {
  if (name === 'NoSuchKey' || name === 'NoSuchBucket') return 'ASSET_NOT_FOUND';
  if (name === 'PreconditionFailed') return 'ASSET_CHANGED';
  if (AWS_CREDENTIALS_NAMES.has(name)) return 'ASSET_FORBIDDEN';
  if (AWS_THROTTLED_NAMES.has(name)) return 'SOURCE_THROTTLED';
  if (AWS_PASSING_NAMES.has(name)) return 'SOURCE_UNAVAILABLE';
  return status === null ? null : codeOfStatus(status, retryAfterMs !== null);
}

function foundInAwsError({ name, status }: AwsErrorParts): string {
  if (name === 'PreconditionFailed') return 'the object was replaced meanwhile';
  if (AWS_CREDENTIALS_NAMES.has(name)) return 'no AWS credentials found';
  return status === null ? name : `the store answered ${status} (${name})`;
}

/** True if S3 says that the range starts behind the end of the object. */
export function isRangeBehindEnd(error: unknown): boolean {
  const { name, status } = parseAwsError(error);
  return name === 'InvalidRange' || status === 416;
}

/** Translates what `node:fs` throws. */
export function fromFileError(error: unknown, attempt: RangeAttempt): unknown {
  if (isAbortError(error) || isTilerError(error)) return error;
  const code = systemCodeOf(error) ?? '';
  const options = { cause: error };
  if (isAbsent(error)) return rangeError('ASSET_NOT_FOUND', attempt, 'there is no such file', options);
  if (code === 'EACCES' || code === 'EPERM')
    return rangeError('ASSET_FORBIDDEN', attempt, 'permission denied', options);
  if (code === 'ELOOP' || code === 'ENAMETOOLONG') return rangeError('ASSET_NOT_FOUND', attempt, code, options);
  return rangeError('SOURCE_UNAVAILABLE', attempt, messageOf(error), options);
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : 'a failure without a message';
}
