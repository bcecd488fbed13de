import { describe, expect, test } from 'vitest';
import { METATILE_QUEUE, RUN_QUEUE, keyPrefix } from '../../../../jobs/queue/catalog.ts';

const RUN = '0123456789abcdef-1';

describe('queues', () => {
  test('names and IDs have no colon, which BullMQ refuses, and IDs are no plain numbers', () => {
    const ids = [
      METATILE_QUEUE.jobId({ v: 1, run: RUN, index: 12 }),
      RUN_QUEUE.jobId(RUN_QUEUE.parse({ v: 1, run: RUN, opened: 1, cursor: 0 })),
    ];
    expect(ids).toStrictEqual([`${RUN}-12`, `expand-${RUN}-1`]);
    for (const name of [...ids, METATILE_QUEUE.name, RUN_QUEUE.name]) expect(name).not.toContain(':');
  });

  test('the longest payload and the options of a metatile job stay below 64 bytes, else a job takes thrice the memory', () => {
    const payload = METATILE_QUEUE.parse({ v: 1, run: RUN, index: 99_999_999 });
    expect(JSON.stringify(payload).length).toBeLessThanOrEqual(64);
  });

  test('all keys share one hash tag', () => {
    expect(keyPrefix('tilewright')).toBe('{tilewright}');
  });
});

describe('payloads', () => {
  test.each([
    [null, 'PAYLOAD_INVALID'],
    [{ v: 1, run: RUN }, 'PAYLOAD_INVALID'],
    [{ v: 1, run: RUN, index: -1 }, 'PAYLOAD_INVALID'],
    [{ v: 1, run: '../x', index: 1 }, 'PAYLOAD_INVALID'],
    [{ v: 1, run: RUN, index: 1, more: 1 }, 'PAYLOAD_INVALID'],
    [{ v: 2, run: RUN, index: 1 }, 'PAYLOAD_VERSION_UNSUPPORTED'],
  ])('%j is refused', (payload, code) => {
    expect(() => METATILE_QUEUE.parse(payload)).toThrow(expect.objectContaining({ code }) as Error);
  });
});
