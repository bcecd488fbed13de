/** What the queue does with a job that failed like this: never again, again after a back-off, or again after a stated time. */
export type Retry = 'never' | 'backoff' | { readonly afterMs: number };

/** Every cause of failure, and whether trying again can help. The README's table is compared with this one by a test. */
const RETRY_BY_CODE = {
  CONFIG_INVALID: 'never',
  REQUEST_INVALID: 'never',
  ZOOM_OUT_OF_RANGE: 'never',
  TILE_OUT_OF_RANGE: 'never',
  TILE_MATRIX_SET_UNKNOWN: 'never',
  ASSET_KEY_UNKNOWN: 'never',
  ASSET_NOT_FOUND: 'never',
  ASSET_FORBIDDEN: 'never',
  ASSET_CORRUPT: 'never',
  ASSET_UNSUPPORTED: 'never',
  ASSET_CHANGED: 'backoff',
  SOURCE_UNAVAILABLE: 'backoff',
  SOURCE_THROTTLED: 'backoff',
  STAC_UNAVAILABLE: 'backoff',
  STAC_THROTTLED: 'backoff',
  STAC_FORBIDDEN: 'never',
  STAC_RESPONSE_INVALID: 'never',
  MOSAIC_BANDS_DIFFER: 'never',
  MOSAIC_TOO_MANY_ASSETS: 'never',
  TILE_CHILD_FAILED: 'never',
  PIXELS_LIMIT: 'never',
  BYTES_LIMIT: 'never',
  STORE_UNAVAILABLE: 'backoff',
  STORE_THROTTLED: 'backoff',
  STORE_FORBIDDEN: 'never',
  STORE_CONFLICT: 'never',
  ARCHIVE_INVALID: 'never',
  QUEUE_UNAVAILABLE: 'backoff',
  RUN_UNKNOWN: 'never',
  PAYLOAD_INVALID: 'never',
  PAYLOAD_VERSION_UNSUPPORTED: 'never',
  JOB_TIMEOUT: 'backoff',
  WORKER_LOST: 'backoff',
  INTERNAL: 'never',
} as const satisfies Record<string, Exclude<Retry, object>>;

/** One cause of failure; compared across process borders, where `instanceof` cannot be. */
export type ErrorCode = keyof typeof RETRY_BY_CODE;

/** All codes, in the order of the README's table. */
export const ERROR_CODES = Object.keys(RETRY_BY_CODE) as readonly ErrorCode[];

/** Where a failure happened. Values are shown to people: no credential and no signed query string goes in. */
export interface ErrorContext {
  readonly tile?: string;
  readonly href?: string;
  /** Of the item, where it has one. */
  readonly collection?: string;
  readonly itemId?: string;
  readonly assetKey?: string;
  readonly offset?: number;
  readonly status?: number;
}

export interface TilerErrorOptions extends ErrorOptions {
  readonly context?: ErrorContext;
  /** What the other side asked for, from `Retry-After`, in milliseconds; it replaces the back-off. */
  readonly retryAfterMs?: number;
}

/**
 * The one error that Tilewright throws on purpose. The code decides the retry; the message says what was attempted, on
 * what, and what was found. Anything else that is thrown, except an `AbortError`, is a fault in the program.
 */
export class TilerError extends Error {
  override readonly name = 'TilerError';
  readonly code: ErrorCode;
  readonly context: ErrorContext;
  readonly retryAfterMs: number | null;

  constructor(code: ErrorCode, message: string, options: TilerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.context = options.context ?? {};
    this.retryAfterMs = options.retryAfterMs ?? null;
  }

  get retry(): Retry {
    const retry = RETRY_BY_CODE[this.code];
    return retry === 'backoff' && this.retryAfterMs !== null ? { afterMs: this.retryAfterMs } : retry;
  }
}

/** The same error with more said of where it happened: what it says itself counts. It is not changed, as others may hold it. */
export function withContext(error: TilerError, context: ErrorContext): TilerError {
  const { code, message, retryAfterMs } = error;
  return new TilerError(code, message, {
    cause: error,
    context: { ...context, ...error.context },
    ...(retryAfterMs === null ? {} : { retryAfterMs }),
  });
}

const MAX_ASSET_LENGTH = 500;

/**
 * Which asset a failure is about, in at most 500 characters: `collection/itemId/assetKey`, as much of it as is known;
 * else the href; null = none.
 */
export function assetOf({ collection, itemId, assetKey, href }: ErrorContext): string | null {
  const name =
    itemId === undefined ? href : [collection, itemId, assetKey].filter((part) => part !== undefined).join('/');
  return name?.slice(0, MAX_ASSET_LENGTH) ?? null;
}

/** True for a `TilerError`, also one of another copy of this module. */
export function isTilerError(error: unknown): error is TilerError {
  return error instanceof Error && error.name === 'TilerError' && 'code' in error;
}

/** True for the error of an aborted operation, which is passed on as it is. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

/** The system's code of an error, such as `ENOENT`; null = it has none. */
export function systemCodeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** True if the system says that there is no such file or folder, also since a file is where a folder above it would be. */
export function isAbsent(error: unknown): boolean {
  const code = systemCodeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
