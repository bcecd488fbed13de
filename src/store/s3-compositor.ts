import type { S3Client } from '@aws-sdk/client-s3';
import type { IoCounters } from '../observe.ts';
import type { PutOptions } from './object-store.ts';
import type { S3Request } from './s3-requests.ts';
import type { S3WriteHeaders } from './s3-settings.ts';
import type { StoreCallOptions } from './tile-store.ts';

/** What a composition needs of the store that it is in. */
export interface S3Compositor {
  readonly client: Pick<S3Client, 'send'>;
  readonly request: S3Request;
  readonly counters: Pick<IoCounters, 'writeRequests' | 'bytesWritten'>;
  readonly objectAt: (path: string) => { readonly Bucket: string; readonly Key: string };
  readonly headersOf: (path: string) => S3WriteHeaders;
  put(path: string, bytes: Uint8Array, options: PutOptions): Promise<void>;
  get(path: string, options: StoreCallOptions): Promise<Uint8Array | null>;
  read(path: string, offset: number, length: number, options: StoreCallOptions): Promise<Uint8Array | null>;
  deleteAll(folder: string, options: StoreCallOptions): Promise<void>;
  delete(path: string, options: StoreCallOptions): Promise<void>;
}
