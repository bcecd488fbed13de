import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createIoCounters } from '../../../src/observe.ts';
import { openTileStore, parseStoreLocation } from '../../../src/store/open-store.ts';

describe('store location', () => {
  test.each([
    ['out/tiles', { kind: 'folder', path: 'out/tiles' }],
    ['/data/tiles', { kind: 'folder', path: '/data/tiles' }],
    ['../my tiles', { kind: 'folder', path: '../my tiles' }],
    ['file:///data/my%20tiles', { kind: 'folder', path: '/data/my tiles' }],
    ['s3://bucket', { kind: 's3', bucket: 'bucket', prefix: '' }],
    ['s3://bucket/', { kind: 's3', bucket: 'bucket', prefix: '' }],
    ['s3://my.bucket-1/a/b c/', { kind: 's3', bucket: 'my.bucket-1', prefix: 'a/b c' }],
    ['out.pmtiles', { kind: 'folder', path: '.', archive: 'out.pmtiles' }],
    ['file:///data/out.pmtiles', { kind: 'folder', path: '/data', archive: 'out.pmtiles' }],
    ['s3://bucket/out.PMTiles', { kind: 's3', bucket: 'bucket', prefix: '', archive: 'out.PMTiles' }],
    ['s3://bucket/a/b/out.pmtiles', { kind: 's3', bucket: 'bucket', prefix: 'a/b', archive: 'out.pmtiles' }],
  ])('%s', (output, expected) => {
    expect(parseStoreLocation(output)).toEqual(expected);
  });

  test.each([
    '',
    'https://example.com/tiles',
    'ftp://example.com/tiles',
    'file://elsewhere/tiles',
    's3:bucket/prefix',
    's3://',
    's3:///prefix',
    's3://Bucket/prefix',
    's3://bucket/a/../b',
    's3://bucket/a//b',
    's3://bucket/a?b=c',
    's3://key:secret@bucket/a',
    '.pmtiles',
    'a b.pmtiles',
    's3://bucket/.hidden.pmtiles',
    'a\0b',
  ])('%j is refused', (output) => {
    expect(() => parseStoreLocation(output)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});

describe('opening a folder', () => {
  const options = { extension: 'png', contentType: 'image/png', counters: createIoCounters() };
  const { signal } = new AbortController();
  const opened = async (output: string): Promise<string> => {
    await using store = await openTileStore(output, options, { signal });
    return store.label;
  };
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'open-store-'));
    await writeFile(join(folder, 'file'), '');
    await symlink('circle', join(folder, 'circle'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test('that is there, or is still to be made', async () => {
    expect(await opened(folder)).toBe(folder);
    expect(await opened(join(folder, 'new', 'tiles'))).toBe(join(folder, 'new', 'tiles'));
  });

  test('a file is none', async () => {
    await expect(opened(join(folder, 'file'))).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });

  test('one that cannot be looked at is not taken for one that is still to be made', async () => {
    await expect(opened(join(folder, 'circle'))).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
  });
});
