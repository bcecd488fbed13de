import { describe, expect, test } from 'vitest';
import type { RangeSource } from '../../src/cog/range-source.ts';

/** A place that holds one file. */
export interface RangeSourcePlace extends AsyncDisposable {
  /** A new source on the place, which has read nothing yet. */
  open(): RangeSource;
  /** Puts other bytes in the file's place; null takes the file away. */
  replace(bytes: Uint8Array | null): Promise<void>;
}

const NEVER = { signal: new AbortController().signal };
const BYTES = Uint8Array.from({ length: 100_003 }, (_, i) => (i * 31 + (i >> 8)) % 256);

function isPart(found: Uint8Array, offset: number, end: number): boolean {
  return Buffer.compare(found, BYTES.subarray(offset, end)) === 0;
}

/** What every range source promises. */
export function describeRangeSource(name: string, newPlace: (bytes: Uint8Array) => Promise<RangeSourcePlace>): void {
  describe(`range source: ${name}`, () => {
    test.each([
      [0, 1],
      [0, 65_536],
      [99_999, 3],
      [12_345, 54_321],
      [0, 100_003],
    ])('gives exactly the bytes asked for: %i, %i', async (offset, length) => {
      await using place = await newPlace(BYTES);
      await using source = place.open();
      const found = await source.read(offset, length, NEVER);
      expect(found.length).toBe(length);
      expect(isPart(found, offset, offset + length)).toBe(true);
    });

    test('gives fewer bytes only where the file ends, and none behind', async () => {
      await using place = await newPlace(BYTES);
      await using source = place.open();
      expect(isPart(await source.read(100_000, 500, NEVER), 100_000, 100_500)).toBe(true);
      expect(isPart(await source.read(0, 1_000_000, NEVER), 0, 1_000_000)).toBe(true);
      expect((await source.read(100_003, 10, NEVER)).length).toBe(0);
      expect((await source.read(5_000_000, 10, NEVER)).length).toBe(0);
    });

    test('an empty file has no bytes', async () => {
      await using place = await newPlace(new Uint8Array());
      await using source = place.open();
      expect((await source.read(0, 16, NEVER)).length).toBe(0);
    });

    test('reads at the same time do not disturb each other', async () => {
      await using place = await newPlace(BYTES);
      await using source = place.open();
      const offsets = Array.from({ length: 40 }, (_, n) => n * 2_345);
      const found = await Promise.all(offsets.map((offset) => source.read(offset, 1_000, NEVER)));
      expect(found.map((bytes, n) => isPart(bytes, offsets[n]!, offsets[n]! + 1_000))).not.toContain(false);
    });

    test('does nothing before the first read, which says that a file is missing', async () => {
      await using place = await newPlace(BYTES);
      await place.replace(null);
      await using source = place.open();
      await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ name: 'TilerError', code: 'ASSET_NOT_FOUND' });
    });

    test('the first answer fixes the version: other bytes in its place are an error, also of the same length', async () => {
      await using place = await newPlace(BYTES);
      await using source = place.open();
      await source.read(0, 10, NEVER);
      await place.replace(BYTES.map((byte) => 255 - byte));
      await expect(source.read(0, 10, NEVER)).rejects.toMatchObject({ name: 'TilerError', code: 'ASSET_CHANGED' });
      await expect(source.read(50_000, 10, NEVER)).rejects.toMatchObject({ code: 'ASSET_CHANGED' });
    });

    test('a source that has read nothing yet sees the new bytes', async () => {
      await using place = await newPlace(Uint8Array.of(1, 2, 3));
      await place.replace(BYTES);
      await using source = place.open();
      expect(isPart(await source.read(0, 1_000, NEVER), 0, 1_000)).toBe(true);
    });

    test('says a version once it has an answer: the same for the same bytes, whoever asks, and another for others', async () => {
      await using place = await newPlace(BYTES);
      await using source = place.open();
      expect(source.version()).toBeNull();
      await source.read(0, 10, NEVER);
      await using another = place.open();
      await another.read(50_000, 1, NEVER);
      expect(source.version()).toMatch(/\S/);
      expect(another.version()).toBe(source.version());
      await place.replace(BYTES.map((byte) => 255 - byte));
      await using later = place.open();
      await later.read(0, 1, NEVER);
      expect(later.version()).toMatch(/\S/);
      expect(later.version()).not.toBe(source.version());
    });

    test('an aborted signal passes through as it is', async () => {
      await using place = await newPlace(BYTES);
      await using source = place.open();
      const controller = new AbortController();
      controller.abort();
      await expect(source.read(0, 10, { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' });
    });

    test('an abort ends a read that is under way, or comes too late for it', async () => {
      await using place = await newPlace(BYTES);
      await using source = place.open();
      const controller = new AbortController();
      const reads = Promise.allSettled([0, 1, 2, 3].map((n) => source.read(n, 50_000, { signal: controller.signal })));
      controller.abort();
      const outcomes = (await reads).map((read) =>
        read.status === 'fulfilled' ? read.value.length : (read.reason as Error).name,
      );
      expect([50_000, 'AbortError']).toEqual(expect.arrayContaining([...new Set(outcomes)]));
      expect(isPart(await source.read(7, 20, NEVER), 7, 27)).toBe(true);
    });

    test('errors name the file and the range, without a query string', async () => {
      await using place = await newPlace(BYTES);
      await place.replace(null);
      await using source = place.open();
      expect(source.label).not.toContain('?');
      await expect(source.read(7, 11, NEVER)).rejects.toMatchObject({
        message: expect.stringContaining(source.label) as string,
        context: expect.objectContaining({ href: source.label, offset: 7 }) as object,
      });
    });

    test('disposing twice is harmless, and reading goes on working', async () => {
      await using place = await newPlace(BYTES);
      const source = place.open();
      await source.read(0, 10, NEVER);
      await source[Symbol.asyncDispose]();
      await source[Symbol.asyncDispose]();
      expect(isPart(await source.read(5, 10, NEVER), 5, 15)).toBe(true);
      await source[Symbol.asyncDispose]();
    });
  });
}
