import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startChangingWorld } from '../support/changing-world.ts';
import type { ChangingWorld } from '../support/changing-world.ts';
import { historyArbitrary, WatchedHistory } from '../support/watch-history.ts';

let world: ChangingWorld;

beforeAll(async () => {
  world = await startChangingWorld();
});
afterAll(async () => world[Symbol.asyncDispose]());

test.each(['out', 'out.pmtiles'])(
  '%s is after every step what a full render of the catalog would make it',
  async (output) => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(historyArbitrary, async (history) => {
        const folder = join(world.folder, `history-${number++}`);
        const watched = new WatchedHistory(world, world.request({ output: join(folder, output) }));
        world.scenes.clear();
        world.scenes.set('first', {
          west: 0,
          south: 0,
          degrees: 16,
          seed: 1,
          datetime: '2026-06-01T00:00:00Z',
          updated: '2026-06-01T00:00:00Z',
        });
        for (const step of history) {
          await watched.step(step);
          const { watched: found, rendered } = await watched.compare();
          expect(found).toEqual(rendered);
        }
        await rm(folder, { recursive: true, force: true });
      }),
      { numRuns: Number(process.env['WATCH_RUNS'] ?? 8) },
    );
  },
  600_000,
);

test('a scene that is away for just as long as it would have been rendered is not missed', async () => {
  const watched = new WatchedHistory(world, world.request({ output: join(world.folder, 'away') }));
  const scene = { west: 4, south: 4, degrees: 8, datetime: '2026-06-01T00:00:00Z', updated: '2026-06-01T00:00:00Z' };
  world.scenes.clear();
  world.scenes.set('scene-1', { ...scene, seed: 1 });
  world.scenes.set('scene-2', { ...scene, west: 24, seed: 2 });
  await watched.step([]);
  // It is replaced; while the first metatiles are rendered it is gone, and then it is back as if nothing had been.
  const happenings = [{ kind: 'remove', id: 1 }] as const;
  await watched.step([
    { kind: 'rewrite', id: 1 },
    { kind: 'meanwhile', metatiles: 0, happenings, isUndone: true },
  ]);
  const { watched: found, rendered } = await watched.compare();
  expect(found).toEqual(rendered);
});
