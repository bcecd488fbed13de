import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { runWithin } from '../retry.ts';
import type { RangeSource } from './range-source.ts';
import { fromAwsError, isRangeBehindEnd, rangeError, type RangeAttempt } from './source-errors.ts';

export interface S3SourceOptions {
  readonly bucket: string;
  readonly key: string;
  readonly label: string;
  /** Made with `maxAttempts: 1`: reads are retried, and counted, by the middleware. */
  readonly client: () => Promise<Pick<S3Client, 'send'>>;
  /** For one read with its whole body. */
  readonly timeoutMs: number;
}

/** What the first answer said of the object. */
interface Version {
  readonly etag: string;
  readonly size: string;
}

/**
 * A range source over S3: one `GetObject` with `Range` a read. The first answer's ETag is sent as `If-Match` from then
 * on, and compared too, for stores that do not look at it.
 */
export function createS3Source(options: S3SourceOptions): RangeSource {
  let version: Version | null = null;

  const fetchRange = async (attempt: RangeAttempt, signal: AbortSignal): Promise<Uint8Array> => {
    const { GetObjectCommand } = await import('@aws-sdk/client-s3');
    const command = new GetObjectCommand({
      Bucket: options.bucket,
      Key: options.key,
      Range: `bytes=${attempt.offset}-${attempt.offset + attempt.length - 1}`,
      ...(version === null || version.etag === '' ? {} : { IfMatch: version.etag }),
    });
    const client = await options.client();
    const answer = await client.send(command, { abortSignal: signal });
    const range = /^bytes\s+(\d+)-(\d+)\/(\d+)$/u.exec(answer.ContentRange ?? '');
    const found: Version = { etag: answer.ETag ?? '', size: range?.[3] ?? '' };
    version ??= found;
    if (version.etag !== found.etag || version.size !== found.size) {
      throw rangeError(
        'ASSET_CHANGED',
        attempt,
        `it was ${version.etag} of ${version.size} bytes and is ${found.etag} of ${found.size}`,
      );
    }
    return bodyOf(answer, range, attempt);
  };

  return {
    label: options.label,
    async read(offset, length, { signal }) {
      const attempt: RangeAttempt = { label: options.label, offset, length };
      try {
        return await runWithin({ signal, timeoutMs: options.timeoutMs }, (inner) => fetchRange(attempt, inner));
      } catch (error) {
        signal.throwIfAborted();
        if (isRangeBehindEnd(error)) return new Uint8Array(0);
        throw fromAwsError(error, attempt);
      }
    },
    version: () => version?.etag || null,
    async [Symbol.asyncDispose]() {},
  };
}

async function bodyOf(
  answer: GetObjectCommandOutput,
  range: RegExpExecArray | null,
  attempt: RangeAttempt,
): Promise<Uint8Array> {
  const first = Number(range?.[1] ?? Number.NaN);
  const last = Number(range?.[2] ?? Number.NaN);
  const end = Math.min(attempt.offset + attempt.length, Number(range?.[3] ?? Number.NaN)) - 1;
  if (answer.Body === undefined || first !== attempt.offset || last !== end) {
    throw rangeError(
      'ASSET_UNSUPPORTED',
      attempt,
      `the store answered with Content-Range "${answer.ContentRange ?? ''}"; it must honour Range`,
    );
  }
  const bytes = await answer.Body.transformToByteArray();
  if (bytes.length === last - first + 1) return bytes;
  throw rangeError('SOURCE_UNAVAILABLE', attempt, `the body ended after ${bytes.length} of ${last - first + 1} bytes`);
}
