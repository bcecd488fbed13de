import type * as z from 'zod';
import { choice, flag, required, text, whole } from './variables.ts';

const MIB = 1024 * 1024;

/** Storage classes from which an object can be read at once; `default` = the bucket's. */
export const S3_STORAGE_CLASSES = [
  'default',
  'STANDARD',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER_IR',
  'REDUCED_REDUNDANCY',
  'EXPRESS_ONEZONE',
] as const;

/** What a process is told about S3, beside the AWS variables of the SDK. None of it changes a byte of a tile. */
export const S3_VARIABLES = {
  TILEWRIGHT_S3_FORCE_PATH_STYLE: flag('bucket in the path instead of in the host name, for S3-compatible stores'),
  TILEWRIGHT_S3_CACHE_CONTROL: required(
    'public, max-age=3600',
    /^[\x20-\x7e]+$/,
    'a Cache-Control header',
    'header of tiles written to S3; versions of archives are immutable, and documents are asked for anew',
  ),
  TILEWRIGHT_S3_REQUESTER_PAYS: flag('pay for requests to buckets whose owner does not, reading and writing'),
  TILEWRIGHT_S3_ENCRYPTION: choice(
    ['default', 'AES256', 'aws:kms', 'aws:kms:dsse'],
    'default',
    'how the store encrypts what is written; default = as the bucket says',
  ),
  TILEWRIGHT_S3_KMS_KEY_ID: text(
    /^[A-Za-z0-9:/_-]+$/,
    'a key ID, an alias or an ARN',
    "key of aws:kms; unset = the account's own",
  ),
  TILEWRIGHT_S3_BUCKET_KEY: flag('aws:kms with one key for many objects, which costs fewer requests to KMS'),
  TILEWRIGHT_S3_STORAGE_CLASS: choice(
    S3_STORAGE_CLASSES,
    'default',
    "storage class of tiles and archives, of those that can be read at once; default = the bucket's",
  ),
  TILEWRIGHT_S3_CHECKSUM: choice(
    ['auto', 'sha256', 'off'],
    'auto',
    'checksum kept with each object: CRC32 unless the store refuses it, SHA-256, or none',
  ),
  TILEWRIGHT_S3_COPY_PARTS: choice(
    ['1', '0'],
    '1',
    'archives are put together by the store itself; 0 = all bytes pass through the process, as with Google Cloud Storage',
  ),
  TILEWRIGHT_S3_EQUAL_PARTS: flag('parts of archives of one size, as Cloudflare R2 wants them and gets them by itself'),
  TILEWRIGHT_S3_PART_MIB: whole(8, 5, 5_120, 'parts of archives that pass through the process; four are under way'),
  TILEWRIGHT_S3_REQUESTS_PER_SECOND: whole(
    0,
    0,
    100_000,
    'requests of each process to one output; 0 = as many as the store takes',
  ),
};

type S3Environment = { readonly [K in keyof typeof S3_VARIABLES]: z.output<(typeof S3_VARIABLES)[K]> };

/** The settings of S3 in a configuration. */
export function toS3Config(env: S3Environment) {
  return {
    forcePathStyle: env.TILEWRIGHT_S3_FORCE_PATH_STYLE,
    cacheControl: env.TILEWRIGHT_S3_CACHE_CONTROL,
    requesterPays: env.TILEWRIGHT_S3_REQUESTER_PAYS,
    encryption: env.TILEWRIGHT_S3_ENCRYPTION,
    kmsKeyId: env.TILEWRIGHT_S3_KMS_KEY_ID,
    bucketKey: env.TILEWRIGHT_S3_BUCKET_KEY,
    storageClass: env.TILEWRIGHT_S3_STORAGE_CLASS,
    checksum: env.TILEWRIGHT_S3_CHECKSUM,
    copyParts: env.TILEWRIGHT_S3_COPY_PARTS === '1',
    equalParts: env.TILEWRIGHT_S3_EQUAL_PARTS,
    partBytes: env.TILEWRIGHT_S3_PART_MIB * MIB,
    requestsPerSecond: env.TILEWRIGHT_S3_REQUESTS_PER_SECOND,
  };
}

/** Settings that say nothing together. */
export function s3Problems(env: S3Environment): readonly string[] {
  const { TILEWRIGHT_S3_ENCRYPTION: encryption, TILEWRIGHT_S3_KMS_KEY_ID: key } = env;
  const isKms = encryption === 'aws:kms' || encryption === 'aws:kms:dsse';
  return [
    ...(key === null || isKms
      ? []
      : [`TILEWRIGHT_S3_KMS_KEY_ID: found a key, expected TILEWRIGHT_S3_ENCRYPTION=aws:kms`]),
    ...(!env.TILEWRIGHT_S3_BUCKET_KEY || encryption === 'aws:kms'
      ? []
      : [`TILEWRIGHT_S3_BUCKET_KEY: found '1', expected TILEWRIGHT_S3_ENCRYPTION=aws:kms`]),
  ];
}
