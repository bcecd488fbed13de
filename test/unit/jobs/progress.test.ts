import { describe, expect, test } from 'vitest';
import { createProgress, formatBytes, formatCount, formatDuration, summaryLines } from '../../../jobs/progress.ts';
import type { ProgressState } from '../../../jobs/progress.ts';
import { createIoCounters } from '../../../src/observe.ts';

function recorder(isTTY: boolean, columns = 200) {
  const written: string[] = [];
  let nowMs = 0;
  return {
    written,
    stream: { isTTY, columns, write: (text: string) => void written.push(text) },
    now: () => nowMs,
    pass: (ms: number) => void (nowMs += ms),
  };
}

function state(rendered: number, total = 1000): ProgressState {
  return { total, rendered, empty: 0, failed: 0 };
}

describe('on a terminal', () => {
  test('redraws one line at most ten times a second, with rate and time left', () => {
    const { stream, now, pass, written } = recorder(true);
    const progress = createProgress({ stream, json: false, now });
    progress.update(state(0));
    for (let i = 1; i <= 100; i++) {
      pass(10);
      progress.update(state(i));
    }
    expect(written).toHaveLength(11);
    expect(written.at(-1)).toBe('\r\u001B[K██░░░░░░░░░░░░░░░░░░░░░░  10.0 %  100/1,000 tiles  100 tiles/s  0:09 left');
    progress.end();
    expect(written.at(-1)).toBe('\n');
  });

  test('never wraps', () => {
    const { stream, now, written } = recorder(true, 40);
    createProgress({ stream, json: false, now }).update(state(500));
    expect(written.at(-1)!.replace('\r\u001B[K', '')).toHaveLength(39);
  });

  test('a note goes above the bar', () => {
    const { stream, now, written } = recorder(true);
    const progress = createProgress({ stream, json: false, now });
    progress.update(state(0));
    progress.note('look');
    expect(written.at(-1)).toBe('\r\u001B[Klook\n');
  });
});

describe('elsewhere', () => {
  test('a line at first, every five seconds, and at each tenth', () => {
    const { stream, now, pass, written } = recorder(false);
    const progress = createProgress({ stream, json: false, now });
    progress.update(state(0));
    pass(1000);
    progress.update(state(50));
    expect(written).toHaveLength(1);
    progress.update(state(100));
    expect(written).toHaveLength(2);
    pass(4999);
    progress.update(state(101));
    expect(written).toHaveLength(2);
    pass(1);
    progress.update({ ...state(102), failed: 2 });
    expect(written.at(-1)).toBe(' 10.4 %  104/1,000 tiles  17 tiles/s  0:52 left  2 failed\n');
  });

  test('the end is shown once, and nothing without any update', () => {
    const { stream, now, written } = recorder(false);
    createProgress({ stream, json: false, now }).end();
    expect(written).toStrictEqual([]);
    const progress = createProgress({ stream, json: false, now });
    progress.update(state(1000));
    progress.end();
    expect(written).toHaveLength(1);
  });

  test('what an earlier process did makes no rate', () => {
    const { stream, now, pass, written } = recorder(false);
    const progress = createProgress({ stream, json: false, now });
    progress.update(state(800));
    pass(10_000);
    progress.update(state(810));
    expect(written.at(-1)).toContain('1.0 tiles/s');
  });

  test('100 % means all', () => {
    const { stream, now, written } = recorder(false);
    createProgress({ stream, json: false, now }).update(state(99_999, 100_000));
    expect(written.at(-1)).toContain(' 99.9 %');
  });
});

test('json: one object a line', () => {
  const { stream, now, written } = recorder(true);
  const progress = createProgress({ stream, json: true, now });
  progress.update(state(10));
  progress.note('look');
  expect(written.map((line) => JSON.parse(line) as unknown)).toStrictEqual([
    { event: 'progress', total: 1000, rendered: 10, empty: 0, failed: 0, tilesPerSecond: 0 },
    { event: 'note', text: 'look' },
  ]);
});

test('the summary says what was made and what it took', () => {
  const io = {
    ...createIoCounters(),
    searches: 4,
    readRequests: 1234,
    bytesRead: 5_432_100,
    writeRequests: 90,
    bytesWritten: 999,
  };
  const lines = summaryLines({
    run: 'r',
    state: 'failed',
    total: 100,
    rendered: 90,
    empty: 8,
    failed: 2,
    metatiles: 4,
    io,
    seconds: 2,
  });
  expect(lines).toStrictEqual([
    'done with failed tiles: 90 tiles rendered, 8 empty, 2 failed in 2.0 s (49 tiles/s)',
    'read 5.4 MB in 1,234 requests, 4 searches; wrote 999 B in 90 requests',
  ]);
});

test('the closing lines say that sources lack overviews', () => {
  const io = { ...createIoCounters(), overreads: 1200 };
  const state = { run: 'r', state: 'complete', total: 1, rendered: 1, empty: 0, failed: 0, metatiles: 1 } as const;
  expect(summaryLines({ ...state, io, seconds: 1 }).at(-1)).toBe(
    '1,200 times a scene was read at more than 16 pixels for each that is shown, as it has no overview for that zoom: ' +
      'add overviews (gdaladdo), or raise sourceMinzoom',
  );
});

test('the closing lines say what tiles had to do without', () => {
  const scenes = Array.from({ length: 7 }, (_, n) => {
    return { scene: `landsat/s${n}`, code: 'ASSET_NOT_FOUND', message: 'm', tiles: 1000 + n } as const;
  });
  const summary = {
    run: 'r',
    state: 'complete',
    ...state(5000),
    metatiles: 4,
    io: createIoCounters(),
    seconds: 2,
  } as const;
  const [done, first, ...lines] = summaryLines({ ...summary, leftOut: { tiles: 1234, scenes } });
  expect(done).toMatch(/^done: 5,000 tiles rendered, 0 empty, 0 failed/);
  expect(first).toBe('1,234 tiles are without scenes that could not be read, which tilewright.json lists:');
  expect(lines).toHaveLength(7);
  expect(lines[0]).toBe('  landsat/s0  ASSET_NOT_FOUND  left out of 1,000 tiles');
  expect(lines[5]).toBe('  and 2 more');
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [999_960, '1.0 MB'],
  [1.5e12, '1.5 TB'],
])('formatBytes(%d)', (bytes, expected) => {
  expect(formatBytes(bytes)).toBe(expected);
});

test.each([
  [0, '0:00'],
  [59.2, '1:00'],
  [3599, '59:59'],
  [3661, '1:01:01'],
])('formatDuration(%d)', (seconds, expected) => {
  expect(formatDuration(seconds)).toBe(expected);
});

test('formatCount', () => {
  expect(formatCount(1_234_567)).toBe('1,234,567');
});
