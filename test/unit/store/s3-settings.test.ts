import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../../src/config.ts';
import { DEFAULT_S3_SETTINGS, writeHeadersOf } from '../../../src/store/s3-settings.ts';
import type { S3Settings } from '../../../src/store/s3-settings.ts';

const IMMUTABLE = 'public, max-age=31536000, immutable';

function headersOf(path: string, settings: Partial<S3Settings> = {}) {
  return writeHeadersOf(path, { ...DEFAULT_S3_SETTINGS, ...settings });
}

describe('headers of an object', () => {
  test.each([
    ['3/5/2.png', 'public, max-age=3600'],
    ['world.pmtiles', 'public, max-age=3600'],
    ['world.versions/3-0123abcd.pmtiles', IMMUTABLE],
    ['a.b.versions/3-0123abcd.records.gz', IMMUTABLE],
    ['.tilewright/versions/3-0123abcd.records.gz', IMMUTABLE],
    ['versions.json', 'no-cache'],
    ['world.versions.json', 'no-cache'],
    ['tilejson.json', 'no-cache'],
    ['world.tilewright.json', 'no-cache'],
    ['style.json', 'no-cache'],
    ['wmts.xml', 'no-cache'],
    ['.tilewright/segments/12', 'no-cache'],
    ['.tilewright/world.pmtiles/segments/12', 'no-cache'],
    ['.tilewright/parts/3/5/2.part', 'no-cache'],
  ])('%s: %s', (path, cacheControl) => {
    expect(headersOf(path)).toStrictEqual({ CacheControl: cacheControl });
  });

  test('tiles have the cache header that was set, and nothing else has', () => {
    expect(headersOf('3/5/2.png', { cacheControl: 'private' })).toStrictEqual({ CacheControl: 'private' });
    expect(headersOf('tilejson.json', { cacheControl: 'private' })).toStrictEqual({ CacheControl: 'no-cache' });
  });

  test('encryption is of every object; a key is for KMS only', () => {
    const kms = { encryption: 'aws:kms', kmsKeyId: 'alias/tiles', bucketKey: true } as const;
    for (const path of ['3/5/2.png', 'tilejson.json', '.tilewright/segments/1']) {
      expect(headersOf(path, { encryption: 'AES256', kmsKeyId: 'unused' })).toMatchObject({
        ServerSideEncryption: 'AES256',
      });
      expect(headersOf(path, { encryption: 'AES256', kmsKeyId: 'unused' })).not.toHaveProperty('SSEKMSKeyId');
      expect(headersOf(path, kms)).toMatchObject({
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'alias/tiles',
        BucketKeyEnabled: true,
      });
    }
  });

  test('a storage class is of what stays, not of what a run needs for hours, nor of documents', () => {
    const settings = { storageClass: 'STANDARD_IA' } as const;
    for (const path of ['3/5/2.png', 'world.versions/1-00000000.pmtiles']) {
      expect(headersOf(path, settings)).toMatchObject({ StorageClass: 'STANDARD_IA' });
    }
    for (const path of ['.tilewright/segments/1', 'versions.json', '.tilewright/parts/3/5/2.part']) {
      expect(headersOf(path, settings)).not.toHaveProperty('StorageClass');
    }
  });

  test('the defaults are those of a configuration', () => {
    expect(parseConfig({}).s3).toStrictEqual(DEFAULT_S3_SETTINGS);
  });
});
