import { describe, expect, test } from 'vitest';
import { MemoryObjects } from '../../../src/store/memory-objects.ts';
import type { ObjectStore } from '../../../src/store/object-store.ts';
import {
  currentVersion,
  deleteForgotten,
  publishVersion,
  readVersions,
  selectVersion,
} from '../../../src/store/version-document.ts';
import type { TilesetVersion } from '../../../src/store/versions.ts';

const NEVER = { signal: new AbortController().signal };
const PATH = 'world.versions.json';

function version(generation: number, letter = 'a'): TilesetVersion {
  const id = `${generation}-${letter.repeat(8)}`;
  const records = { path: `v/${id}.records.gz`, bytes: 9, indexOffset: 3, indexLength: 6, root: 'b'.repeat(64) };
  return {
    id,
    generation,
    requestHash: 'hash',
    archive: `v/${id}.pmtiles`,
    records: { ...records, metatiles: 1 },
    tiles: 4,
    empty: 0,
    bytes: 100,
  };
}

async function publish(objects: ObjectStore, made: TilesetVersion, keepVersions = 3) {
  return await publishVersion(objects, PATH, made, { ...NEVER, keepVersions });
}

const idsOf = (versions: readonly TilesetVersion[]): string[] => versions.map(({ id }) => id);

describe('publishing', () => {
  test('keeps as many versions as are wanted, newest first, and says nothing new twice', async () => {
    const objects = new MemoryObjects();
    expect(await readVersions(objects, PATH, NEVER)).toBeNull();
    for (const generation of [1, 2, 3, 5]) await publish(objects, version(generation));
    const document = await readVersions(objects, PATH, NEVER);
    expect(idsOf(document!.versions)).toStrictEqual(['5-aaaaaaaa', '3-aaaaaaaa', '2-aaaaaaaa']);
    expect(currentVersion(document!)).toStrictEqual(version(5));
    expect(await publish(objects, version(5))).toStrictEqual(document);
    expect(idsOf((await publish(objects, version(6), 1)).versions)).toStrictEqual(['6-aaaaaaaa']);
  });

  test('of another version of the same generation, or an older one, is a conflict', async () => {
    const objects = new MemoryObjects();
    await publish(objects, version(2));
    for (const late of [version(2, 'c'), version(1)]) {
      await expect(publish(objects, late)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    }
  });

  test('by many at once loses none that succeeds', async () => {
    const objects = new MemoryObjects();
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((generation) => publish(objects, version(generation), 9)),
    );
    const published = outcomes.flatMap((outcome, at) => (outcome.status === 'fulfilled' ? [`${at + 1}-aaaaaaaa`] : []));
    const document = await readVersions(objects, PATH, NEVER);
    expect(idsOf(document!.versions).sort()).toStrictEqual(published);
    expect(published).toContain('5-aaaaaaaa');
  });

  test('takes no other document for its own', async () => {
    const objects = new MemoryObjects();
    for (const text of ['{}', 'no JSON', JSON.stringify({ v: 1, current: '1-aaaaaaaa', versions: [version(2)] })]) {
      await objects.put(PATH, new TextEncoder().encode(text), NEVER);
      await expect(publish(objects, version(3))).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
    }
    const outside = { ...version(2), archive: '../other.pmtiles' };
    await objects.put(
      PATH,
      new TextEncoder().encode(JSON.stringify({ v: 1, current: outside.id, versions: [outside] })),
      NEVER,
    );
    await expect(readVersions(objects, PATH, NEVER)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
  });
});

describe('choosing', () => {
  test('a version that is kept makes it the current one, until the next is published', async () => {
    const objects = new MemoryObjects();
    await publish(objects, version(1));
    await publish(objects, version(2));
    expect(await selectVersion(objects, PATH, '1-aaaaaaaa', NEVER)).toStrictEqual(version(1));
    expect(currentVersion((await readVersions(objects, PATH, NEVER))!).id).toBe('1-aaaaaaaa');
    expect(currentVersion(await publish(objects, version(3))).id).toBe('3-aaaaaaaa');
  });

  test('one that is not there says which are', async () => {
    const objects = new MemoryObjects();
    await expect(selectVersion(objects, PATH, '9-aaaaaaaa', NEVER)).rejects.toThrow(/found none$/);
    await publish(objects, version(1));
    await expect(selectVersion(objects, PATH, '9-aaaaaaaa', NEVER)).rejects.toThrow(/found 1-aaaaaaaa$/);
  });
});

test('what no version has any more is deleted, but not what is in the making or of others', async () => {
  const objects = new MemoryObjects();
  const paths = [
    '1-aaaaaaaa.pmtiles',
    '1-aaaaaaaa.records.gz',
    '2-aaaaaaaa.pmtiles',
    '3-bbbbbbbb.pmtiles',
    '4-aaaaaaaa.pmtiles',
    'notes.txt',
  ];
  for (const path of paths) await objects.put(`v/${path}`, new Uint8Array(1), NEVER);
  await publish(objects, version(2), 1);
  const document = await publish(objects, version(3), 2);
  await deleteForgotten(objects, 'v', document, NEVER);
  const left: string[] = [];
  for await (const path of objects.list('v', NEVER)) left.push(path);
  expect(left.sort()).toStrictEqual(['v/2-aaaaaaaa.pmtiles', 'v/4-aaaaaaaa.pmtiles', 'v/notes.txt']);
});
