import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eachInFlight } from '../../src/in-flight.ts';

const VALUES = Array.from({ length: 20 }, (_, n) => n);

/** Work that notes what was begun, what has ended, and how much of it was under way at most. */
function noted(fails: (value: number) => boolean = () => false) {
  const seen = { begun: [] as number[], ended: 0, most: 0 };
  const work = async (value: number): Promise<void> => {
    seen.begun.push(value);
    seen.most = Math.max(seen.most, seen.begun.length - seen.ended);
    // The first ones take longest.
    for (let turns = VALUES.length - value; turns > 0; turns--) await nextTurn();
    seen.ended++;
    if (fails(value)) throw new Error(`failure of ${value}`);
  };
  return { seen, work };
}

describe('work in flight', () => {
  test('is done for each value, so many at a time', async () => {
    const { seen, work } = noted();
    await eachInFlight(VALUES, 4, work);
    expect(seen).toEqual({ begun: VALUES, ended: VALUES.length, most: 4 });
  });

  test('is not begun any more after a failure, and has ended when that is thrown', async () => {
    const { seen, work } = noted((value) => value === 3);
    await expect(eachInFlight(VALUES, 4, work)).rejects.toThrow('failure of 3');
    expect(seen.begun).toEqual([0, 1, 2, 3]);
    expect(seen.ended).toBe(4);
  });

  test('has ended when its values fail', async () => {
    const { seen, work } = noted();
    async function* values(): AsyncGenerator<number, void, undefined> {
      yield* VALUES.slice(0, 3);
      await nextTurn();
      throw new Error('no more values');
    }
    await expect(eachInFlight(values(), 4, work)).rejects.toThrow('no more values');
    expect(seen).toEqual({ begun: [0, 1, 2], ended: 3, most: 3 });
  });
});
