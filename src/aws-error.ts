import { parseRetryAfter } from './retry.ts';

/** The parts of an error of the AWS SDK that say what happened. */
export interface AwsErrorParts {
  /** The service's or the SDK's name for it; of a failed connection the system's, such as `ECONNRESET`. */
  readonly name: string;
  /** One line of at most 200 characters; may be empty. */
  readonly message: string;
  /** HTTP status; null where no answer came. */
  readonly status: number | null;
  /** What the other side asked for; null where it did not. */
  readonly retryAfterMs: number | null;
}

/** Names that S3 and compatible stores give to "slow down", some of them without the status 429 or 503. */
export const AWS_THROTTLED_NAMES: ReadonlySet<string> = new Set([
  'SlowDown',
  'SlowDownRead',
  'SlowDownWrite',
  'Throttling',
  'ThrottlingException',
  'TooManyRequests',
  'TooManyRequestsException',
  'RequestLimitExceeded',
]);

/** Refusals that another attempt can pass although their status is in the 400s. */
export const AWS_PASSING_NAMES: ReadonlySet<string> = new Set([
  'RequestTimeout',
  'OperationAborted',
  'ConditionalRequestConflict',
  // Somebody else has brought it to its end, or given it up: what begins again finds out.
  'NoSuchUpload',
  // The SDK has learnt the server's clock from this answer.
  'RequestTimeTooSkewed',
  // The body was not what it was signed as when it arrived.
  'XAmzContentSHA256Mismatch',
  'BadDigest',
  'IncompleteBody',
]);

/** What the SDK throws where it finds no credentials, before anything is sent. */
export const AWS_CREDENTIALS_NAMES: ReadonlySet<string> = new Set(['CredentialsProviderError', 'TokenProviderError']);

/** Reads the parts of what an AWS SDK client throws; of anything else too, as far as it has them. */
export function parseAwsError(error: unknown, nowMs: number = Date.now()): AwsErrorParts {
  const status = fieldOf(fieldOf(error, '$metadata'), 'httpStatusCode');
  const retryAfter = textOf(fieldOf(fieldOf(fieldOf(error, '$response'), 'headers'), 'retry-after'));
  const name = textOf(fieldOf(error, 'name')) ?? 'unknown error';
  const message = textOf(fieldOf(error, 'message')) ?? (typeof error === 'string' ? error : '');
  return {
    name: name === 'Error' ? (textOf(fieldOf(error, 'code')) ?? name) : name,
    // The SDK adds a hint for developers about its hidden `$response` where an answer was no XML.
    message: (message.split('\n')[0] ?? '').slice(0, 200),
    status: typeof status === 'number' ? status : null,
    retryAfterMs: parseRetryAfter(retryAfter, nowMs),
  };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
