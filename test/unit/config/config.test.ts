import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeConfig, parseConfig, redactConfig } from '../../../src/config.ts';
import type { Environment } from '../../../src/config.ts';
import { TilerError } from '../../../src/errors.ts';
import { PROJECT_FOLDER } from '../../support/build.ts';

function problemOf(env: Environment): TilerError {
  try {
    parseConfig(env);
  } catch (error) {
    if (error instanceof TilerError) return error;
    throw error;
  }
  throw new Error('expected CONFIG_INVALID');
}

describe('parseConfig', () => {
  test('an empty environment gives the defaults, in the units of their names', () => {
    const config = parseConfig({});
    expect(config.redis.urls).toStrictEqual(['redis://127.0.0.1:6379']);
    expect(config.blockCacheBytes).toBe(128 * 1024 * 1024);
    expect(config.worker.concurrency).toBe(2);
    expect(config.source).toMatchObject({ fileRoot: null, allowedHosts: null });
    expect(config.s3.forcePathStyle).toBe(false);
  });

  test('values are read; empty ones count as unset; others are not looked at', () => {
    const config = parseConfig({
      TILEWRIGHT_BLOCK_CACHE_MIB: '2',
      TILEWRIGHT_S3_FORCE_PATH_STYLE: '1',
      TILEWRIGHT_ALLOWED_HOSTS: 'a.test,.b.test',
      TILEWRIGHT_FILE_ROOT: '',
      TILEWRIGHT_LOG_LEVEL: 'debug',
      TILEWRIGHT_TEST_S3: 'the test suite has its own',
      AWS_REGION: 'eu-central-1',
    });
    expect(config.blockCacheBytes).toBe(2 * 1024 * 1024);
    expect(config.s3.forcePathStyle).toBe(true);
    expect(config.source).toMatchObject({ fileRoot: null, allowedHosts: ['a.test', '.b.test'] });
    expect(config.logLevel).toBe('debug');
  });

  test('settings of S3 that say nothing together are refused', () => {
    const error = problemOf({ TILEWRIGHT_S3_KMS_KEY_ID: 'alias/tiles', TILEWRIGHT_S3_BUCKET_KEY: '1' });
    expect(error.message).toContain('TILEWRIGHT_S3_KMS_KEY_ID: found a key, expected TILEWRIGHT_S3_ENCRYPTION=aws:kms');
    expect(error.message).toContain("TILEWRIGHT_S3_BUCKET_KEY: found '1', expected TILEWRIGHT_S3_ENCRYPTION=aws:kms");
    expect(error.message).not.toContain('alias/tiles');
    const kms = { TILEWRIGHT_S3_ENCRYPTION: 'aws:kms', TILEWRIGHT_S3_KMS_KEY_ID: 'alias/tiles' };
    expect(parseConfig({ ...kms, TILEWRIGHT_S3_BUCKET_KEY: '1', TILEWRIGHT_S3_PART_MIB: '16' }).s3).toMatchObject({
      encryption: 'aws:kms',
      kmsKeyId: 'alias/tiles',
      bucketKey: true,
      partBytes: 16 * 1024 * 1024,
    });
  });

  test('every default is what its variable would be read as', () => {
    const env = Object.fromEntries(describeConfig().map(({ variable, fallback }) => [variable, fallback]));
    expect(parseConfig(env)).toStrictEqual(parseConfig({}));
  });

  test('all problems are in one error, with value and expectation', () => {
    const error = problemOf({
      TILEWRIGHT_OPEN_COGS: '-1',
      TILEWRIGHT_LOG_LEVEL: 'loud',
      TILEWRIGHT_WORKER_CONCURENCY: '3',
      REDIS_URL: 'http://user:secret@host/?token=abc',
    });
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain("TILEWRIGHT_OPEN_COGS: found '-1', expected a whole number from 1 to 10000");
    expect(error.message).toContain("TILEWRIGHT_LOG_LEVEL: found 'loud', expected one of debug, info");
    expect(error.message).toContain(
      'TILEWRIGHT_WORKER_CONCURENCY: no such variable; did you mean TILEWRIGHT_WORKER_CONCURRENCY?',
    );
    expect(error.message).toContain("REDIS_URL: found 'http://***@host/?***'");
    expect(error.message).not.toMatch(/secret|abc/);
  });

  test.each([
    ['TILEWRIGHT_BLOCK_CACHE_MIB', '1.5'],
    ['TILEWRIGHT_BLOCK_CACHE_MIB', '1e3'],
    ['TILEWRIGHT_BLOCK_CACHE_MIB', '0'],
    ['TILEWRIGHT_S3_FORCE_PATH_STYLE', 'yes'],
    ['TILEWRIGHT_QUEUE_PREFIX', 'a:b'],
    ['TILEWRIGHT_ALLOWED_HOSTS', 'a b'],
  ])('%s=%s is refused', (name, value) => {
    expect(problemOf({ [name]: value }).message).toContain(name);
  });

  test('a name that resembles none gets no suggestion', () => {
    expect(problemOf({ TILEWRIGHT_COMPLETELY_DIFFERENT_THING: '1' }).message).not.toContain('did you mean');
  });
});

describe('redactConfig', () => {
  test('takes user and password out of the URL and leaves the rest', () => {
    const config = parseConfig({ REDIS_URL: 'rediss://user:p%40ss@redis.test:6380/2' });
    expect(redactConfig(config)).toStrictEqual({
      ...config,
      redis: { ...config.redis, urls: ['rediss://***@redis.test:6380/2'] },
    });
  });
});

describe('.env.example', () => {
  test('lists every variable with its description, expectation and default', () => {
    const text = readFileSync(join(PROJECT_FOLDER, '.env.example'), 'utf8');
    const listed = text
      .split('\n\n')
      .slice(1)
      .map((block) => block.trim());
    expect(listed).toStrictEqual(
      describeConfig().map(
        ({ variable, fallback, description, expects }) => `# ${description}; ${expects}\n# ${variable}=${fallback}`,
      ),
    );
  });
});
