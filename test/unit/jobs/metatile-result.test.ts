import { expect, test } from 'vitest';
import { addIo, createIoMeter } from '../../../jobs/metatile-result.ts';
import { createIoCounters } from '../../../src/observe.ts';

test('a meter gives each piece of work once, that before its start too', () => {
  const counters = createIoCounters();
  counters.searches = 1;
  const take = createIoMeter(counters);
  counters.bytesRead += 10;
  expect(take()).toStrictEqual({ ...createIoCounters(), searches: 1, bytesRead: 10 });
  expect(take()).toStrictEqual(createIoCounters());
  counters.bytesRead += 5;
  const total = createIoCounters();
  addIo(total, take());
  addIo(total, { ...createIoCounters(), bytesRead: 1 });
  expect(total).toStrictEqual({ ...createIoCounters(), bytesRead: 6 });
});
