import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startChangingWorld } from '../support/changing-world.ts';
import type { ChangingWorld, MadeScene } from '../support/changing-world.ts';
import { WatchedHistory } from '../support/watch-history.ts';

let world: ChangingWorld;
let number = 0;

beforeAll(async () => {
  world = await startChangingWorld();
});
afterAll(async () => world[Symbol.asyncDispose]());
beforeEach(() => {
  world.scenes.clear();
  world.broken.clear();
  for (const [i, [west, south]] of [
    [0, 0],
    [16, 0],
    [0, 16],
    [8, 8],
  ].entries()) {
    world.scenes.set(
      `scene-${i}`,
      scene({ west: west ?? 0, south: south ?? 0, seed: i, datetime: `2026-06-0${i + 1}T00:00:00Z` }),
    );
  }
  world.serve();
});

function scene(fields: Partial<MadeScene>): MadeScene {
  const datetime = '2026-06-01T00:00:00Z';
  return { west: 0, south: 0, degrees: 16, seed: 0, datetime, updated: datetime, ...fields };
}

/** A folder of its own, and a history in it. */
function watch(
  form: 'out' | 'out.pmtiles',
  fields: Readonly<Record<string, unknown>> = {},
  folder = join(world.folder, `mend-${number++}`),
): { readonly folder: string; readonly watched: WatchedHistory } {
  const request = world.request({ output: join(folder, form), ...fields });
  return { folder, watched: new WatchedHistory(world, request) };
}

/** Tiles that are not what a full render makes of the catalog as it is. */
async function differs(watched: WatchedHistory): Promise<readonly string[]> {
  const { watched: found, rendered } = await watched.compare();
  expect(found.length).toBeGreaterThan(0);
  return [...found.filter((line) => !rendered.includes(line)), ...rendered.filter((line) => !found.includes(line))];
}

/** Files of a folder whose path matches. */
async function filesLike(folder: string, pattern: RegExp): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return paths.filter((path) => pattern.test(path));
}

const DAMAGES: Readonly<Record<string, (path: string) => Promise<void>>> = {
  missing: async (path) => await rm(path),
  truncated: async (path) => {
    const bytes = await readFile(path);
    await rm(path);
    await writeFile(path, bytes.subarray(0, Math.floor(bytes.length / 2)));
  },
  garbage: async (path) => {
    const { length } = await readFile(path);
    await rm(path);
    await writeFile(path, new Uint8Array(length).fill(0x2a));
  },
};

describe.each(['out', 'out.pmtiles'] as const)('%s', (form) => {
  test.each(
    ['watch.json', 'watch-items-[ab].ndjson.gz'].flatMap((name) =>
      Object.keys(DAMAGES).map((damage) => [name, damage] as const),
    ),
  )('%s %s: all is looked at, and nothing is rendered that is as it was', async (name, damage) => {
    const { folder, watched } = watch(form);
    await watched.step([]);
    for (const path of await filesLike(folder, new RegExp(`${name}$`))) await DAMAGES[damage]?.(path);
    const { dirty, unchanged } = watched.counts;
    await watched.step([]);
    const looked = watched.counts.dirty - dirty;
    expect(looked).toBeGreaterThan(0);
    expect(watched.counts.unchanged - unchanged).toBe(looked);
    await watched.step([{ kind: 'remove', id: 3 }]);
    expect(await differs(watched)).toEqual([]);
  });

  test.each(Object.keys(DAMAGES))('records %s: the next change mends them', async (damage) => {
    const { folder, watched } = watch(form);
    await watched.step([]);
    const paths = await filesLike(folder, /\.records\.gz$/);
    expect(paths).toHaveLength(1);
    for (const path of paths) await DAMAGES[damage]?.(path);
    await watched.step([{ kind: 'rewrite', id: 1 }]);
    expect(await differs(watched)).toEqual([]);
    // They are whole again: the next change costs what it should.
    const { dirty } = watched.counts;
    await watched.step([{ kind: 'rewrite', id: 2 }]);
    expect(watched.counts.dirty - dirty).toBeLessThan(watched.counts.all);
    expect(await differs(watched)).toEqual([]);
  });

  test('records with one damaged byte', async () => {
    const { folder, watched } = watch(form);
    await watched.step([]);
    for (const path of await filesLike(folder, /\.records\.gz$/)) {
      const bytes = await readFile(path);
      bytes[Math.floor(bytes.length / 2)]! ^= 0xff;
      await rm(path);
      await writeFile(path, bytes);
    }
    await watched.step([{ kind: 'rewrite', id: 1 }]);
    expect(await differs(watched)).toEqual([]);
  });
});

test.each(['missing', 'truncated'])('an archive %s: the next change makes it anew', async (damage) => {
  const { folder, watched } = watch('out.pmtiles');
  await watched.step([]);
  for (const path of await filesLike(folder, /\.pmtiles$/)) await DAMAGES[damage]?.(path);
  await watched.step([{ kind: 'rewrite', id: 1 }]);
  expect(await differs(watched)).toEqual([]);
});

describe('another order', () => {
  test('that puts the scenes of no metatile in another order renders nothing', async () => {
    const { folder, watched } = watch('out');
    await watched.step([]);
    const { watched: other } = watch('out', { mosaic: mosaicBy(['-properties.datetime', '+id']) }, folder);
    await other.step([]);
    expect(other.counts.dirty).toBeGreaterThan(0);
    expect(other.counts.unchanged).toBe(other.counts.dirty);
  });

  test('renders where scenes lie over each other, and nowhere else', async () => {
    const { folder, watched } = watch('out');
    await watched.step([]);
    const { watched: other } = watch('out', { mosaic: mosaicBy(['+properties.datetime']) }, folder);
    await other.step([]);
    const rendered = other.counts.dirty - other.counts.unchanged;
    expect(rendered).toBeGreaterThan(0);
    expect(other.counts.unchanged).toBeGreaterThan(0);
    expect(await differs(other)).toEqual([]);
    // Its order changes by itself afterwards.
    await other.step([{ kind: 'redate', id: 0, scene: scene({ datetime: '2026-06-06T00:00:00Z' }) }]);
    expect(await differs(other)).toEqual([]);
  });

  function mosaicBy(sortby: readonly string[]): object {
    return { type: 'stac', url: world.stac.searchUrl, query: { collections: ['scenes'] }, sortby };
  }
});

describe('scenes that cannot be read and are left out', () => {
  test('are tried again by looks that see nothing new, and are there when they can be read', async () => {
    world.broken.add('scene-3');
    const { watched } = watch('out', { onAssetError: 'skip' });
    expect((await watched.look()).isPublished).toBe(true);
    const again = await watched.look();
    expect(again.update).toMatchObject({ state: 'complete' });
    expect(again.isPublished).toBe(false);
    world.broken.clear();
    expect((await watched.look()).isPublished).toBe(true);
    expect((await watched.look()).update).toBeNull();
    expect(await differs(watched)).toEqual([]);
  });

  test('are not tried for ever', async () => {
    world.broken.add('scene-3');
    const { watched } = watch('out', { onAssetError: 'skip' });
    await watched.step([]);
    const { looks, updates } = watched.counts;
    expect(updates).toBe(looks - 1);
    expect(updates).toBeLessThanOrEqual(7);
    expect((await watched.look()).update).toBeNull();
    // Something near it changes: then it is tried again, and so it is when it changes itself.
    await watched.step([{ kind: 'rewrite', id: 0 }]);
    world.broken.clear();
    await watched.step([{ kind: 'touch', id: 3 }]);
    expect(await differs(watched)).toEqual([]);
  });
});

test('a change of a thousandth of the area renders no more than a two-hundredth of the metatiles', async () => {
  world.scenes.clear();
  for (let west = -20; west < 60; west += 16) {
    for (let south = -20; south < 60; south += 16) {
      world.scenes.set(`wide-${west}-${south}`, scene({ west, south, seed: west + south + 40 }));
    }
  }
  world.serve();
  const { watched } = watch('out', { minzoom: 7, maxzoom: 8, sourceMinzoom: 7, metatileSize: 1 });
  const first = await watched.look();
  const all = first.update?.metatiles ?? 0;
  const side = 2.5;
  expect(side ** 2 / 80 ** 2).toBeLessThan(0.001);
  world.scenes.set(
    'small',
    scene({ west: 17.25, south: 13.25, degrees: side, seed: 99, datetime: '2026-06-09T00:00:00Z' }),
  );
  world.serve();
  const second = await watched.look();
  const { metatiles = 0, unchanged = 0 } = second.update ?? {};
  expect(second.isPublished).toBe(true);
  expect(metatiles - unchanged).toBeGreaterThan(0);
  expect(metatiles).toBeLessThanOrEqual(all * 0.005);
  expect(all).toBeGreaterThan(4_000);
}, 300_000);
