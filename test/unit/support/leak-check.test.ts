import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { countResources, leaksSince, waitForNoLeaks } from '../../support/leak-check.ts';

test('an open server is a leak until it is closed', async () => {
  const before = countResources();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  expect(leaksSince(before)).toContain('1 × TCPServerWrap');
  await new Promise<void>((resolve) => server.close(() => resolve()));
  expect(await waitForNoLeaks(before, 2_000)).toStrictEqual([]);
});

test('a timer is a leak, an unref’d one is not', () => {
  const before = countResources();
  const timer = setTimeout(() => {}, 60_000);
  expect(leaksSince(before)).toStrictEqual(['1 × Timeout']);
  timer.unref();
  expect(leaksSince(before)).toStrictEqual([]);
  clearTimeout(timer);
});

test('a signal listener is a leak', () => {
  const before = countResources();
  const listener = (): void => {};
  process.on('SIGTERM', listener);
  expect(leaksSince(before)).toStrictEqual(['1 × SIGTERM listener']);
  process.off('SIGTERM', listener);
  expect(leaksSince(before)).toStrictEqual([]);
});
