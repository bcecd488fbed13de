import { expect, test } from 'vitest';
import { fillHidden } from '../../../../src/render/encode/fill-hidden.ts';

/** Fills a picture given as rows of letters, `.` where nothing is seen. */
function fill(rows: readonly string[]): readonly string[] {
  const width = rows[0]!.length;
  const text = Buffer.from(rows.join(''), 'latin1');
  const mask = Uint8Array.from(text, (letter) => (letter === 0x2e ? 0 : 1 + (letter % 255)));
  const band = Uint8Array.from(text, (letter) => (letter === 0x2e ? 0 : letter));
  const bands = [band, band, band];
  const filled = fillHidden({ width, height: rows.length, dtype: 'uint8', bands, mask });
  expect(filled).toHaveLength(3);
  expect(Buffer.compare(filled[2]!, filled[0]!)).toBe(0);
  return rows.map((_, row) => Buffer.from(filled[0]!.subarray(row * width, (row + 1) * width)).toString('latin1'));
}

test.each<[string, readonly string[], readonly string[]]>([
  ['nothing hidden', ['abc', 'def'], ['abc', 'def']],
  ['along a row', ['a..b.', '.cd..'], ['aaabb', 'ccddd']],
  ['rows of which nothing is seen', ['...', '.a.', '...', '...', 'b.c'], ['aaa', 'aaa', 'aaa', 'aaa', 'bbc']],
  ['the last row alone', ['..', '..', 'ab'], ['ab', 'ab', 'ab']],
])('%s', (_, rows, expected) => {
  expect(fill(rows)).toEqual(expected);
});

test('where nothing is seen at all, all is alike', () => {
  expect(new Set(fill(['..', '..']).join('')).size).toBe(1);
});
