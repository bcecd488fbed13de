import { AWS_PASSING_NAMES, parseAwsError } from '../aws-error.ts';
import type { S3Settings } from './s3-settings.ts';

/** What a request asks the SDK to compute of its body and to send along. */
export interface ChecksumInput {
  readonly ChecksumAlgorithm?: 'CRC32' | 'SHA256';
}

/** Sends something with a checksum, or without one where the server is known to refuse it. */
export type S3Checksums = <T>(send: (input: ChecksumInput) => Promise<T>) => Promise<T>;

/**
 * Decides on the checksum that objects are written with. Unless one is demanded it is CRC32, for as long as nothing speaks
 * against it: if the first request with one is refused and the same without one is not, there is none from then on.
 */
export function createS3Checksums(setting: S3Settings['checksum']): S3Checksums {
  const demanded = setting === 'sha256' ? 'SHA256' : 'CRC32';
  let state: 'unknown' | 'taken' | 'refused' = setting === 'auto' ? 'unknown' : setting === 'off' ? 'refused' : 'taken';
  return async (send) => {
    if (state === 'refused') return await send({});
    try {
      const result = await send({ ChecksumAlgorithm: demanded });
      state = 'taken';
      return result;
    } catch (error) {
      if (state === 'taken' || !isRefusal(error)) throw error;
    }
    const result = await send({});
    state = 'refused';
    return result;
  };
}

/** Stores that do not know the headers answer with all kinds of things, a wrong signature among them. */
function isRefusal(error: unknown): boolean {
  const { name, status } = parseAwsError(error);
  if (AWS_PASSING_NAMES.has(name)) return false;
  return status === 400 || status === 501 || (status === 403 && name === 'SignatureDoesNotMatch');
}
