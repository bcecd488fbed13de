import { describe, expect, test } from 'vitest';
import { REQUEST, problemsOf } from '../../../support/request-problems.ts';

describe('an output', () => {
  test.each(['out', '/data/tiles', '../tiles v1', 'file:///data/tiles', 's3://bucket', 's3://my-bucket/some/prefix'])(
    'may be %s',
    (output) => {
      expect(problemsOf({ ...REQUEST, output })).toEqual([]);
    },
  );

  test.each([
    ['gs://bucket/x', 'gs://bucket/x'],
    ['https://user:secret@host/x?sig=secret', 'https://host/x'],
    ['s3://', 's3://'],
    ['s3://Bucket/x', 's3://Bucket/x'],
    ['file:tiles', 'file:tiles'],
    ['file://server/share', 'file://server/share'],
  ])('is not %s', (output, found) => {
    const problem = `output: found ${JSON.stringify(found)}, expected a folder, a file: URL, or s3://bucket/prefix, or one that ends in .pmtiles`;
    expect(problemsOf({ ...REQUEST, output })).toEqual([problem]);
  });

  test.each([
    'world.pmtiles',
    'file:///data/world.pmtiles',
    's3://bucket/maps/world.pmtiles',
    'maps/world.mbtiles',
    'file:///data/world.mbtiles',
  ])('may be %s', (output) => {
    expect(problemsOf({ ...REQUEST, output })).toEqual([]);
  });

  test('is no MBTiles file in a bucket', () => {
    expect(problemsOf({ ...REQUEST, output: 's3://bucket/maps/world.mbtiles' })).toEqual([
      'output: found "s3://bucket/maps/world.mbtiles", expected one that ends in .pmtiles: .mbtiles are for folders, as SQLite cannot write to a bucket',
    ]);
  });
});
