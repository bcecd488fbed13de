import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MemoryObjects } from '../../../src/store/memory-objects.ts';
import type { ObjectStore } from '../../../src/store/object-store.ts';
import { tileFromTileId } from '../../../src/tms/tile-id.ts';
import { ArchiveFolder, METATILES, runSeeds, seedIn } from '../../support/archive-folder.ts';
import { finishedRun, madeMetatiles, wholeRun } from '../../support/archive-runs.ts';
import { archiveOf } from '../../support/memory-archive.ts';

const NEVER = { signal: new AbortController().signal };

let place: ArchiveFolder;

beforeEach(async () => {
  place = await ArchiveFolder.make();
});

afterEach(async () => {
  await place[Symbol.asyncDispose]();
});

describe('a version of an archive', { timeout: 60_000 }, () => {
  test('is an object of its own, and in a folder the archive is another name of the current one', async () => {
    await using store = place.open();
    const [first = '', second = ''] = await runSeeds(store, [1, 2]);
    const version = join(place.path, `world.versions/${second}.pmtiles`);
    expect((await stat(join(place.path, 'world.pmtiles'))).ino).toBe((await stat(version)).ino);
    const tiles = madeMetatiles(METATILES, 2).flatMap((metatile) => metatile.tiles);
    expect((await readFile(version)).equals(await archiveOf(tiles))).toBe(true);
    expect(await place.files()).toStrictEqual(
      [
        'world.pmtiles',
        'world.versions.json',
        ...[first, second].flatMap((id) => [`world.versions/${id}.pmtiles`, `world.versions/${id}.records.gz`]),
      ].sort(),
    );
    expect((await readdir(place.path)).filter((name) => name.startsWith('.'))).toStrictEqual([]);
  });

  test('is kept as long as there are not too many', async () => {
    await using store = place.open();
    const [, second, third] = await runSeeds(store, [1, 2, 3], 2);
    const { current, versions } = (await store.versions(NEVER))!;
    expect([current, ...versions.map(({ id }) => id)]).toStrictEqual([third, third, second]);
    const archives = (await place.files()).filter((path) => path.endsWith('.pmtiles'));
    expect(archives).toStrictEqual([
      'world.pmtiles',
      `world.versions/${second}.pmtiles`,
      `world.versions/${third}.pmtiles`,
    ]);
  });

  test('without a tile has no archive, and an update of it has one again', async () => {
    await using store = place.open();
    await runSeeds(store, [1]);
    const empty = madeMetatiles(METATILES, 2).map(({ index, tiles, empty: others }) => {
      return { index, tiles: [], empty: [...tiles.map(({ tileId }) => tileId), ...others] };
    });
    const baseline = (await store.versions(NEVER))!.versions[0]!;
    const version = await wholeRun(store, empty, finishedRun(2, METATILES, { baseline }), NEVER);
    expect(version).toMatchObject({ archive: null, tiles: 0, empty: 4 * METATILES, bytes: 0 });
    expect(await seedIn(store)).toBeUndefined();
    expect(await place.files()).not.toContain('world.pmtiles');
    const changes = madeMetatiles(2, 3);
    const next = await wholeRun(store, changes, finishedRun(3, METATILES, { baseline: version }), NEVER);
    const expected = await archiveOf(changes.flatMap(({ tiles }) => tiles));
    expect((await readFile(join(place.path, next.archive!))).equals(expected)).toBe(true);
  });

  test('goes on being read by whoever has it open, and the one after it once it is removed', async () => {
    await using reader = place.open();
    await using writer = place.open();
    const seeds = [1, 2, 3];
    for (const [at, seed] of seeds.entries()) {
      await wholeRun(
        writer,
        madeMetatiles(METATILES, seed),
        finishedRun(at + 1, METATILES, { keepVersions: 2 }),
        NEVER,
      );
      expect(await seedIn(reader)).toBe([1, 1, 3][at]);
    }
  });
});

describe('an archive from elsewhere', { timeout: 60_000 }, () => {
  test.each([true, false])('is read, and gives way to the first version; second names: %s', async (hasNames) => {
    const on: ObjectStore = hasNames ? place.objects : new MemoryObjects();
    const outside = await archiveOf(madeMetatiles(METATILES, 9).flatMap(({ tiles }) => tiles));
    await on.put('world.pmtiles', outside, { ...NEVER, contentType: '' });
    await using store = place.open(on);
    expect(await seedIn(store)).toBe(9);
    const [id] = await runSeeds(store, [1]);
    expect(await seedIn(store)).toBe(1);
    const version = await on.get(`world.versions/${id}.pmtiles`, NEVER);
    expect(await on.get('world.pmtiles', NEVER)).toStrictEqual(hasNames ? version : null);
  });

  test('that is damaged is no archive without tiles', async () => {
    await writeFile(join(place.path, 'world.pmtiles'), 'not an archive');
    await using store = place.open();
    await expect(store.get(tileFromTileId(madeMetatiles(1, 0)[0]!.tiles[0]!.tileId), NEVER)).rejects.toMatchObject({
      code: 'ARCHIVE_INVALID',
    });
  });
});

describe('rolling back', { timeout: 60_000 }, () => {
  test('makes an earlier version the current one, for those who ask from then on', async () => {
    await using store = place.open();
    const [first = '', , third = ''] = await runSeeds(store, [1, 2, 3]);
    expect(await store.rollBack(first, NEVER)).toMatchObject({ id: first, generation: 1 });
    expect(await seedIn(store)).toBe(1);
    await using other = place.open();
    expect(await seedIn(other)).toBe(1);
    const link = await stat(join(place.path, 'world.pmtiles'));
    expect(link.ino).toBe((await stat(join(place.path, `world.versions/${first}.pmtiles`))).ino);
    await store.rollBack(third, NEVER);
    await store.rollBack(third, NEVER);
    expect(await seedIn(store)).toBe(3);
  });

  test('to a version that is not kept is refused, and says which are', async () => {
    await using store = place.open();
    await expect(store.rollBack('1-00000000', NEVER)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    const [, second] = await runSeeds(store, [1, 2], 1);
    await expect(store.rollBack('1-00000000', NEVER)).rejects.toThrow(`found ${second}`);
    expect(await seedIn(store)).toBe(2);
  });

  test('what was rolled back to is the last to go', async () => {
    await using store = place.open();
    const [first = ''] = await runSeeds(store, [1, 2, 3], 3);
    await store.rollBack(first, NEVER);
    const finished = finishedRun(4, METATILES, { keepVersions: 2 });
    const { id } = await wholeRun(store, madeMetatiles(METATILES, 4), finished, NEVER);
    expect((await store.versions(NEVER))?.versions.map((one) => one.id)).toStrictEqual([id, first]);
  });
});
