import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, ListPartsCommand } from '@aws-sdk/client-s3';
import { isTilerError } from '../errors.ts';
import { isNoSuchUpload } from './aws-error.ts';
import type { S3Compositor } from './s3-compositor.ts';
import type { StoreCallOptions } from './tile-store.ts';

/** A part that the server has. */
export interface SentPart {
  readonly tag: string;
  readonly length: number;
}

/** An upload that was begun before, and the parts of it that are there. */
export interface FoundUpload {
  readonly uploadId: string;
  readonly sent: ReadonlyMap<number, SentPart>;
}

interface RememberedUpload {
  readonly memo: string;
  readonly identity: string;
  readonly uploadId: string;
}

/** Keeps the upload ID in a small object. */
export async function rememberUpload(
  store: S3Compositor,
  { memo, identity, uploadId }: RememberedUpload,
  { signal }: StoreCallOptions,
): Promise<void> {
  const text = JSON.stringify({ v: 1, identity, uploadId });
  await store.put(memo, new TextEncoder().encode(text), { signal, contentType: 'application/json' });
}

/**
 * Looks for the upload that a small object names, and for its parts. One of another identity is given up.
 *
 * @returns null if there is none, or it has come to an end
 */
export async function findUpload(
  store: S3Compositor,
  { memo, path, identity }: { readonly memo: string; readonly path: string; readonly identity: string },
  { signal }: StoreCallOptions,
): Promise<FoundUpload | null> {
  const bytes = await store.get(memo, { signal });
  const remembered = bytes === null ? null : parseMemo(new TextDecoder().decode(bytes));
  if (remembered === null) return null;
  const { uploadId } = remembered;
  if (remembered.identity !== identity) {
    await abortUpload(store, store.objectAt(path), uploadId, { signal });
    return null;
  }
  const sent = new Map<number, SentPart>();
  const target = { ...store.objectAt(path), UploadId: uploadId };
  let marker: string | undefined;
  do {
    const page = await store.request(`Listing the parts of ${path}`, { signal }, async (abortSignal) => {
      try {
        const input = { ...target, PartNumberMarker: marker };
        return await store.client.send(new ListPartsCommand(input), { abortSignal });
      } catch (error) {
        if (isNoSuchUpload(error)) return null;
        throw error;
      }
    });
    if (page === null) return null;
    for (const { PartNumber, ETag, Size } of page.Parts ?? []) {
      if (PartNumber !== undefined && ETag !== undefined) sent.set(PartNumber, { tag: ETag, length: Size ?? -1 });
    }
    marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
  } while (marker !== undefined);
  return { uploadId, sent };
}

function parseMemo(text: string): Omit<RememberedUpload, 'memo'> | null {
  try {
    const { identity, uploadId } = JSON.parse(text) as Partial<RememberedUpload>;
    return typeof identity === 'string' && typeof uploadId === 'string' ? { identity, uploadId } : null;
  } catch {
    return null;
  }
}

/** An upload that is under way, whose parts take room until it is given up. */
export interface PendingUpload {
  /** Whole key, the store's prefix included. */
  readonly key: string;
  readonly uploadId: string;
  readonly begunAt: Date;
}

/** All uploads to keys that begin with a prefix, page by page. */
export async function* listUploads(
  store: Pick<S3Compositor, 'client' | 'request'>,
  { Bucket, Key }: { readonly Bucket: string; readonly Key: string },
  { signal }: StoreCallOptions,
): AsyncGenerator<PendingUpload> {
  let markers = {};
  for (;;) {
    const input = { Bucket, Prefix: Key, ...markers };
    const page = await store.request(`Listing the uploads below s3://${Bucket}/${Key}`, { signal }, (abortSignal) =>
      store.client.send(new ListMultipartUploadsCommand(input), { abortSignal }),
    );
    for (const { Key: key, UploadId: uploadId, Initiated: begunAt } of page.Uploads ?? []) {
      if (key !== undefined && uploadId !== undefined && key.startsWith(Key)) {
        yield { key, uploadId, begunAt: begunAt ?? new Date() };
      }
    }
    if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return;
    markers = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}

/**
 * Gives up all uploads of one object but one. Where they cannot be listed, they stay for the bucket's life-cycle rule.
 *
 * @param kept - upload ID; empty = none is kept
 */
export async function abortUploadsOf(
  store: S3Compositor,
  path: string,
  kept: string,
  options: StoreCallOptions,
): Promise<void> {
  const { Key } = store.objectAt(path);
  await abortUploads(store, path, ({ key, uploadId }) => key === Key && uploadId !== kept, options);
}

/** Gives up those uploads to paths that begin with `start` which are chosen; none where they cannot be listed. */
export async function abortUploads(
  store: S3Compositor,
  start: string,
  isChosen: (upload: PendingUpload) => boolean,
  options: StoreCallOptions,
): Promise<void> {
  const target = store.objectAt(start);
  const found: PendingUpload[] = [];
  try {
    for await (const upload of listUploads(store, target, options)) if (isChosen(upload)) found.push(upload);
  } catch (error) {
    if (!isTilerError(error) || error.code !== 'STORE_FORBIDDEN') throw error;
  }
  for (const { key, uploadId } of found) {
    await abortUpload(store, { Bucket: target.Bucket, Key: key }, uploadId, options);
  }
}

/** Gives an upload up; one that has come to its end is none. */
export async function abortUpload(
  store: Pick<S3Compositor, 'client' | 'request'>,
  target: { readonly Bucket: string; readonly Key: string },
  uploadId: string,
  { signal }: StoreCallOptions,
): Promise<void> {
  const input = { ...target, UploadId: uploadId };
  const attempted = `Giving up an upload of s3://${target.Bucket}/${target.Key}`;
  await store.request(attempted, { signal }, async (abortSignal) => {
    try {
      await store.client.send(new AbortMultipartUploadCommand(input), { abortSignal });
    } catch (error) {
      if (!isNoSuchUpload(error)) throw error;
    }
  });
}
