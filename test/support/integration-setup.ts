import { afterAll, beforeAll } from 'vitest';
import { countResources, waitForNoLeaks } from './leak-check.ts';
import type { ResourceCounts } from './leak-check.ts';

/** An idle keep-alive connection may live a few seconds longer than what opened it, on a busy machine some more. */
const SETTLE_TIMEOUT_MS = 30_000;

let before: ResourceCounts = new Map();

// Both hooks are the outermost of their file: the first to run, and the last.
beforeAll(() => {
  before = countResources();
});

afterAll(async () => {
  const leaks = await waitForNoLeaks(before, SETTLE_TIMEOUT_MS);
  if (leaks.length > 0) throw new Error(`This file has left over ${leaks.join(', ')}`);
});
