import { createHash } from 'node:crypto';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { S3Server } from './s3.ts';

/** A client of a test's S3 server, which asks it without anything in between. */
export function createS3Client({ endpoint, env }: Pick<S3Server, 'endpoint' | 'env'>): S3Client {
  const { AWS_ACCESS_KEY_ID: accessKeyId = '', AWS_SECRET_ACCESS_KEY: secretAccessKey = '' } = env;
  const credentials = { accessKeyId, secretAccessKey };
  return new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
}

/** Path and SHA-256 of every object below a prefix, sorted, but for the records of versions: as `filesOf` has those of a folder. */
export async function objectsOf(client: S3Client, bucket: string, prefix: string): Promise<readonly string[]> {
  const keys: string[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, Prefix: `${prefix}/`, ContinuationToken: token }),
    );
    for (const { Key = '' } of page.Contents ?? []) {
      if (!/\/\.tilewright\/versions\/[^/]+\.records\.gz$/.test(Key)) keys.push(Key);
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  const lines: string[] = [];
  for (const key of keys.sort()) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    const digest = createHash('sha256').update((await Body?.transformToByteArray()) ?? '');
    lines.push(`${key.slice(prefix.length + 1)} ${digest.digest('hex').slice(0, 16)}`);
  }
  return lines;
}
