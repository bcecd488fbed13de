import { describe, expect, test } from 'vitest';
import { parseCron } from '../../../../jobs/watch/cron.ts';
import { parseInterval } from '../../../../jobs/watch/interval.ts';
import { createLocalSchedule } from '../../../../jobs/watch/schedule.ts';

describe('cron', () => {
  test.each([
    ['0 3 * * *', '2026-11-22T03:00:00Z', '2026-11-23T03:00:00.000Z'],
    ['0 3 * * *', '2026-11-22T02:59:59.999Z', '2026-11-22T03:00:00.000Z'],
    ['*/15 * * * *', '2026-11-22T10:15:01Z', '2026-11-22T10:30:00.000Z'],
    ['5,35 8-18/5 * * *', '2026-11-22T13:06:00Z', '2026-11-22T13:35:00.000Z'],
    ['5,35 8-18/5 * * *', '2026-11-22T13:35:00Z', '2026-11-22T18:05:00.000Z'],
    ['30 4 1 jan *', '2026-11-22T00:00:00Z', '2027-01-01T04:30:00.000Z'],
    ['0 0 29 2 *', '2026-11-22T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['0 12 * * mon-fri', '2026-11-20T12:00:00Z', '2026-11-23T12:00:00.000Z'],
    ['0 12 * * 7', '2026-11-20T12:00:00Z', '2026-11-22T12:00:00.000Z'],
    ['0 12 * * 0', '2026-11-20T12:00:00Z', '2026-11-22T12:00:00.000Z'],
    // Either day will do where both are given.
    ['0 0 25 * fri', '2026-11-20T12:00:00Z', '2026-11-25T00:00:00.000Z'],
    ['0 0 */9 * fri', '2026-11-22T00:00:00Z', '2027-01-01T00:00:00.000Z'],
    ['*/2 * * * * *', '2026-11-22T10:15:01.500Z', '2026-11-22T10:15:02.000Z'],
    ['*/2 * * * * *', '2026-11-22T10:15:02Z', '2026-11-22T10:15:04.000Z'],
    ['30 0 3 * * *', '2026-11-22T03:00:29Z', '2026-11-22T03:00:30.000Z'],
    ['59 23 31 12 *', '2026-12-31T23:59:00Z', '2027-12-31T23:59:00.000Z'],
  ])('%s after %s', (text, after, expected) => {
    expect(parseCron(text).next(new Date(after)).toISOString()).toBe(expected);
  });

  test.each([
    '',
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '5-1 * * * *',
    '*/0 * * * *',
    'a * * * *',
    '1,,2 * * * *',
    '0 0 31 2 *',
    '60 * * * * *',
    '* * * * * * *',
  ])('%s is refused', (text) => {
    expect(() => parseCron(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});

test.each([
  ['30s', 30_000],
  ['10m', 600_000],
  ['6h', 21_600_000],
  ['1d', 86_400_000],
])('interval %s', (text, ms) => {
  expect(parseInterval('--every', text)).toBe(ms);
});

test.each(['', '0s', '10', 'm', '1w', '-1m', '1.5h', '25d', '10 m'])('interval %s is refused', (text) => {
  expect(() => parseInterval('--every', text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
});

describe('a schedule of this process', () => {
  test('looks at once, then at intervals, then soon after events, which are one look', async () => {
    const stopping = new AbortController();
    const schedule = createLocalSchedule({ everyMs: 20 }, { debounceMs: 1 });
    let looks = 0;
    await schedule.run(
      async () => {
        looks++;
        if (looks === 3) stopping.abort();
        await Promise.resolve();
      },
      { signal: stopping.signal },
    );
    expect(looks).toBe(3);

    const again = new AbortController();
    const rare = createLocalSchedule({ everyMs: 3_600_000 }, { debounceMs: 30 });
    looks = 0;
    await rare.run(
      async () => {
        looks++;
        if (looks === 1) for (let i = 0; i < 5; i++) await rare.wake();
        else again.abort();
      },
      { signal: again.signal },
    );
    expect(looks).toBe(2);
  });

  test('ends with what a look throws, and when it is told to', async () => {
    const { signal } = new AbortController();
    const schedule = createLocalSchedule({ cron: '0 3 * * *' });
    await expect(schedule.run(() => Promise.reject(new Error('a fault')), { signal })).rejects.toThrow('a fault');
    await schedule.run(() => Promise.reject(new Error('never')), { signal: AbortSignal.abort() });
  });
});
