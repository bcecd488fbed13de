import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';

export interface S3ClientSettings {
  /** Buckets as the first part of the path instead of the host name, as most servers other than AWS want it. */
  readonly forcePathStyle: boolean;
  /** Longest time from the sending of a request to the beginning of its answer. */
  readonly requestTimeoutMs: number;
  readonly maxSockets: number;
  /** Pays for requests to buckets whose owner does not. Default false. */
  readonly requesterPays?: boolean;
}

const CONNECTION_TIMEOUT_MS = 5000;

/**
 * Creates a client whose endpoint, region and credentials come from the AWS SDK's own chain (variables, profiles, roles).
 * It tries nothing again, so that retries are counted once, follow `Retry-After` and end with the signal.
 */
export function createS3Client({
  forcePathStyle,
  requestTimeoutMs,
  maxSockets,
  requesterPays = false,
}: S3ClientSettings): S3Client {
  const client = new S3Client({
    forcePathStyle,
    maxAttempts: 1,
    // Bodies are whole buffers, signed by their SHA-256, which the server compares. Some servers refuse further checksums,
    // and the trailers that some of them come in: whoever wants one asks for it.
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
  if (requesterPays) {
    client.middlewareStack.add(
      (next) => async (args) => {
        addHeader(args.request, 'x-amz-request-payer', 'requester');
        return await next(args);
      },
      { step: 'build', name: 'requesterPays' },
    );
  }
  return client;
}

/** Before it is signed. Every kind of request takes it, so that none is forgotten. */
function addHeader(request: unknown, name: string, value: string): void {
  if (typeof request !== 'object' || request === null || !('headers' in request)) return;
  Object.assign(request.headers as Record<string, string>, { [name]: value });
}
