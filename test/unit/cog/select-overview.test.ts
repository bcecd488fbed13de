import { expect, test } from 'vitest';
import { selectOverview } from '../../../src/cog/select-overview.ts';

const levels = [1024, 512, 256, 128].map((width) => ({ width, height: width, blockWidth: 256, blockHeight: 256 }));

// The steps at which gdalwarp 3.13.3 changes the overview of such a file.
test.each([
  [0.5, 0],
  [1, 0],
  [1.899, 0],
  [1.9034, 1],
  [3.893, 1],
  [3.9084, 2],
  [7.8769, 2],
  [7.938, 3],
  [100, 3],
])('a target ratio of %f reads level %i', (ratio, level) => {
  expect(selectOverview(levels, ratio)).toBe(level);
});

test('ratios of overviews need not be powers of two', () => {
  const odd = [947, 237].map((width) => ({ width, height: width, blockWidth: 256, blockHeight: 256 }));
  expect(selectOverview(odd, 3.88)).toBe(0);
  expect(selectOverview(odd, 3.9)).toBe(1);
});

test('a file without overviews is read at full size', () => {
  expect(selectOverview(levels.slice(0, 1), 64)).toBe(0);
});
