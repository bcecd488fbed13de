import { describe, expect, test } from 'vitest';
import { createFresh } from '../../../jobs/fresh.ts';

describe('what is looked at again', () => {
  test('is asked for once by all who wait, and kept while it is fresh', async () => {
    let count = 0;
    const fresh = createFresh(async () => await Promise.resolve(++count), 1_000_000);
    expect(fresh.peek()).toBeNull();
    expect(await Promise.all([fresh.get(), fresh.get(), fresh.get()])).toEqual([1, 1, 1]);
    expect(await fresh.get()).toBe(1);
    fresh.forget();
    expect(await fresh.get()).toBe(2);
  });

  test('is handed to what looks again, and kept if that fails', async () => {
    const seen: (string | null)[] = [];
    let isBroken = false;
    const fresh = createFresh<string>(async (last) => {
      seen.push(last);
      if (isBroken) throw new Error('broken');
      return await Promise.resolve(`${last ?? ''}x`);
    }, 0);
    expect([await fresh.get(), await fresh.get()]).toEqual(['x', 'xx']);
    isBroken = true;
    expect(await fresh.get()).toBe('xx');
    expect(seen).toEqual([null, 'x', 'xx']);
  });

  test('that was never there fails, each time', async () => {
    const fresh = createFresh<never>(() => Promise.reject(new Error('broken')));
    await expect(fresh.get()).rejects.toThrow('broken');
    await expect(fresh.get()).rejects.toThrow('broken');
  });
});
