import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface S3ClientSettings {
  /** Buckets as the first part of the path instead of the host name, as most servers other than AWS want it. */
  readonly forcePathStyle: boolean;
  /** Longest time from the sending of a request to the beginning of its answer. */
  readonly requestTimeoutMs: number;
  readonly maxSockets: number;
}

const CONNECTION_TIMEOUT_MS = 5000;

/**
 * Creates a client whose endpoint, region and credentials come from the AWS SDK's own chain (variables, profiles, roles).
 * It tries nothing again, so that retries are counted once, follow `Retry-After` and end with the signal.
 */
export function createS3Client({ forcePathStyle, requestTimeoutMs, maxSockets }: S3ClientSettings): S3Client {
  return new S3Client({
    forcePathStyle,
    maxAttempts: 1,
    // Bodies are whole buffers, signed by their SHA-256, which the server compares; further checksums, and the trailers
    // that some of them come in, are refused by some servers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: requestTimeoutMs,
      // Otherwise it only warns.
      throwOnRequestTimeout: true,
      httpAgent: { keepAlive: true, maxSockets },
      httpsAgent: { keepAlive: true, maxSockets },
    }),
  });
}
