import { expect, test } from 'vitest';
import { summariseScenes, usedScenes } from '../../../../src/store/documents/used-scenes.ts';
import type { MetatileRecord } from '../../../../src/store/records/metatile-record.ts';

const FILE = { key: 'visual', href: 'https://x/a.tif', version: '"1"' };

test('scenes of which nothing was read do not count', async () => {
  const scene = (name: string, isRead: boolean) => {
    return { scene: name, datetime: null, version: '1', files: isRead ? [FILE] : [] };
  };
  const recordOf = (index: number, scenes: MetatileRecord['inputs']['scenes']): MetatileRecord => {
    return { index, inputs: { signature: '0', scenes, children: [] }, tiles: [], empty: [], failed: [] };
  };
  const records = async function* (): AsyncGenerator<MetatileRecord> {
    yield recordOf(0, [scene('c/a', true), scene('c/b', false)]);
    yield await Promise.resolve(recordOf(1, []));
    yield recordOf(2, [scene('c/a', true), scene('c/d', true)]);
  };
  const names: string[] = [];
  for await (const { scene: name } of usedScenes(records())) names.push(name);
  expect(names).toEqual(['c/a', 'c/a', 'c/d']);
});

test('more scenes than can be told apart are counted as far as they are', async () => {
  const scenes = Array.from({ length: 30 }, (_, i) => {
    return { scene: `s${i % 20}`, datetime: `2025-01-${String((i % 20) + 1).padStart(2, '0')}T00:00:00Z` };
  });
  expect(await summariseScenes(scenes, { limit: 3, maxScenes: 10 })).toEqual({
    names: ['s0', 's1', 's2'],
    count: 10,
    isCountExact: false,
    range: { from: '2025-01-01T00:00:00Z', to: '2025-01-20T00:00:00Z' },
  });
  expect(await summariseScenes(scenes, { limit: 30 })).toMatchObject({ count: 20, isCountExact: true });
});
