import { describe, expect, test } from 'vitest';
import { parseByteRange } from '../../../../jobs/preview/byte-range.ts';

const WHOLE = { kind: 'whole' };
const NONE = { kind: 'none' };
const part = (offset: number, length: number): object => ({ kind: 'part', offset, length });

describe('a Range header, of 1,000 bytes', () => {
  test.each<[string | undefined, object]>([
    [undefined, WHOLE],
    ['bytes=0-0', part(0, 1)],
    ['bytes=0-999', part(0, 1_000)],
    ['bytes=0-16383', part(0, 1_000)],
    ['bytes=999-', part(999, 1)],
    ['bytes=500-', part(500, 500)],
    ['bytes=-1', part(999, 1)],
    ['bytes=-5000', part(0, 1_000)],
    ['BYTES = 10 - 19', part(10, 10)],
    ['bytes=1000-', NONE],
    ['bytes=1000-2000', NONE],
    ['bytes=99999999999999999999-', NONE],
    ['bytes=-0', NONE],
    // What is not understood is as if it was not there.
    ['bytes=20-10', WHOLE],
    ['bytes=-', WHOLE],
    ['bytes=', WHOLE],
    ['bytes=0-1,4-5', WHOLE],
    ['bytes=a-b', WHOLE],
    ['tiles=0-1', WHOLE],
    ['', WHOLE],
  ])('%s', (header, expected) => {
    expect(parseByteRange(header, 1_000)).toEqual(expected);
  });

  test('nothing has no part', () => {
    expect(parseByteRange('bytes=0-', 0)).toEqual(NONE);
    expect(parseByteRange('bytes=-1', 0)).toEqual(NONE);
  });
});
