import { randomUUID } from 'node:crypto';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { parseAwsError } from '../aws-error.ts';
import { isTilerError, TilerError } from '../errors.ts';
import type { IoCounters } from '../observe.ts';
import { isNoSuchKey } from './aws-error.ts';
import type { PutOptions } from './object-store.ts';
import type { S3Request } from './s3-requests.ts';
import type { S3WriteHeaders } from './s3-settings.ts';
import type { StoreCallOptions } from './tile-store.ts';

interface S3Caller {
  readonly client: Pick<S3Client, 'send'>;
  readonly request: S3Request;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
}

interface ConditionalPut {
  readonly target: { readonly Bucket: string; readonly Key: string };
  readonly bytes: Uint8Array;
  readonly headers: S3WriteHeaders;
  /** ETag; null = there must be no object. */
  readonly expectedTag: string | null;
}

/** Names the last writes of an object, newest first, so that who lost the answer to a write can tell whether it was done. */
const WRITES = 'tilewright-writes';

/** Two such writes may follow upon a third before that one has asked; not so many. S3 keeps 2 KB of metadata. */
const KEPT_WRITES = 24;

/**
 * Puts an object with `If-Match` or `If-None-Match`. Costs a HEAD besides, which finds out most conflicts by itself.
 *
 * @returns the new ETag; null = another object is there. If this write was followed by others before its lost answer was
 * asked for, a tag that no object has any more.
 */
export async function putInS3If(
  { client, request, counters }: S3Caller,
  { target, bytes, headers, expectedTag }: ConditionalPut,
  { contentType, signal }: PutOptions,
): Promise<string | null> {
  const before = await headOf({ client, request, counters }, target, { signal });
  if ((before?.tag ?? null) !== expectedTag) return null;
  const attempted = `Writing ${bytes.length} bytes to s3://${target.Bucket}/${target.Key}`;
  const write = randomUUID();
  const input = {
    ...target,
    ...headers,
    Body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    ContentType: contentType,
    Metadata: { [WRITES]: [write, ...(before?.writes ?? [])].slice(0, KEPT_WRITES).join(' ') },
    ...(expectedTag === null ? { IfNoneMatch: '*' } : { IfMatch: expectedTag }),
  };
  let sent = 0;
  const send = async (abortSignal: AbortSignal): Promise<string | null> => {
    sent++;
    try {
      const { ETag } = await client.send(new PutObjectCommand(input), { abortSignal });
      if (ETag !== undefined) return ETag;
    } catch (error) {
      if (isRefusedByCondition(error)) return null;
      throw error;
    }
    throw new TilerError('STORE_UNAVAILABLE', `${attempted}: found no ETag in the answer`);
  };
  const tag = await request(attempted, { signal }, send).catch((error: unknown) => {
    // Others were at it whenever this was tried.
    if (isTilerError(error) && error.context.status === 409) return null;
    throw error;
  });
  const done = tag ?? (sent > 1 ? await tagOfWrite({ client, request, counters }, target, write, { signal }) : null);
  if (done === null) return null;
  counters.writeRequests++;
  counters.bytesWritten += bytes.length;
  return done;
}

/** The answer to an earlier attempt may have been lost, and the object in the way may be its own. */
async function tagOfWrite(
  caller: S3Caller,
  target: ConditionalPut['target'],
  write: string,
  options: StoreCallOptions,
): Promise<string | null> {
  const now = await headOf(caller, target, options);
  if (now?.writes.includes(write) !== true) return null;
  return now.writes[0] === write ? now.tag : write;
}

async function headOf(
  { client, request }: S3Caller,
  target: ConditionalPut['target'],
  options: StoreCallOptions,
): Promise<{ readonly tag: string; readonly writes: readonly string[] } | null> {
  return await request(`Looking at s3://${target.Bucket}/${target.Key}`, options, async (abortSignal) => {
    try {
      const { ETag = '', Metadata } = await client.send(new HeadObjectCommand(target), { abortSignal });
      return { tag: ETag, writes: Metadata?.[WRITES]?.split(' ') ?? [] };
    } catch (error) {
      if (isNoSuchKey(error)) return null;
      throw error;
    }
  });
}

/** 412, or 404 where the object that must match is gone. A 409 says only that others are at it: it is tried again. */
function isRefusedByCondition(error: unknown): boolean {
  const { name, status } = parseAwsError(error);
  return name === 'PreconditionFailed' || status === 412 || isNoSuchKey(error);
}
