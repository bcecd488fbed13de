import type { S3_STORAGE_CLASSES } from '../config/s3-variables.ts';

const MIB = 1024 * 1024;

/** What a bucket may ask for beside an object's bytes; none of it changes them. */
export interface S3Settings {
  /** Buckets as the first part of the path instead of the host name, as most servers other than AWS want it. */
  readonly forcePathStyle: boolean;
  /** `Cache-Control` of tiles, and of archives that may be replaced. */
  readonly cacheControl: string;
  /** Pay for requests to buckets whose owner does not, reading and writing. */
  readonly requesterPays: boolean;
  /** How the server encrypts what is written; `default` = as the bucket says. */
  readonly encryption: 'default' | 'AES256' | 'aws:kms' | 'aws:kms:dsse';
  /** For `aws:kms`: key ID or ARN; null = the account's own. */
  readonly kmsKeyId: string | null;
  /** For `aws:kms`: one key for many objects of a bucket, which costs fewer requests to KMS. */
  readonly bucketKey: boolean;
  /** Of tiles and archives; `default` = the bucket's. All can be read at once. */
  readonly storageClass: (typeof S3_STORAGE_CLASSES)[number];
  /** Kept with each object beside the SHA-256 by which the server compares what arrives. */
  readonly checksum: 'auto' | 'sha256' | 'off';
  /** Parts of an archive are copied by the server; false = all pass through the process. Google's endpoint is known. */
  readonly copyParts: boolean;
  /** Parts of an archive of one size, as Cloudflare R2 wants them; its own endpoints are known. */
  readonly equalParts: boolean;
  /** Of the parts of an archive that pass through the process. */
  readonly partBytes: number;
  /** Of one process to one output; 0 = as many as the server takes. */
  readonly requestsPerSecond: number;
}

export const DEFAULT_S3_SETTINGS: S3Settings = {
  forcePathStyle: false,
  cacheControl: 'public, max-age=3600',
  requesterPays: false,
  encryption: 'default',
  kmsKeyId: null,
  bucketKey: false,
  storageClass: 'default',
  checksum: 'auto',
  copyParts: true,
  equalParts: false,
  partBytes: 8 * MIB,
  requestsPerSecond: 0,
};

/** For what never changes under its name. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** What an object is for, as its path says. */
type ObjectKind = 'tile' | 'version' | 'work' | 'document';

/** The headers of an object besides its content type. */
export interface S3WriteHeaders {
  readonly CacheControl: string;
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms' | 'aws:kms:dsse';
  readonly SSEKMSKeyId?: string;
  readonly BucketKeyEnabled?: true;
  readonly StorageClass?: Exclude<S3Settings['storageClass'], 'default'>;
}

/**
 * Headers of an object by its path in the store: tiles have the cache header that was set; versions of archives and of
 * their records never change; documents, which point to versions, are asked for anew each time.
 */
export function writeHeadersOf(path: string, settings: S3Settings): S3WriteHeaders {
  const { encryption, kmsKeyId, bucketKey, storageClass } = settings;
  const kind = kindOf(path);
  const isKms = encryption === 'aws:kms' || encryption === 'aws:kms:dsse';
  // What a run needs for hours is not kept where the least time that is paid for is a month.
  const hasClass = storageClass !== 'default' && (kind === 'tile' || kind === 'version');
  return {
    CacheControl: kind === 'tile' ? settings.cacheControl : kind === 'version' ? IMMUTABLE : 'no-cache',
    ...(encryption === 'default' ? {} : { ServerSideEncryption: encryption }),
    ...(isKms && kmsKeyId !== null ? { SSEKMSKeyId: kmsKeyId } : {}),
    ...(isKms && bucketKey ? { BucketKeyEnabled: true } : {}),
    ...(hasClass ? { StorageClass: storageClass } : {}),
  };
}

function kindOf(path: string): ObjectKind {
  if (/(^|\/)[^/]+\.versions\//.test(path) || path.startsWith('.tilewright/versions/')) return 'version';
  if (path.startsWith('.tilewright/')) return 'work';
  return /^\d+\/\d+\/\d+\.\w+$/.test(path) || /\.(pmtiles|mbtiles)$/i.test(path) ? 'tile' : 'document';
}
