import { afterEach, describe, expect, test } from 'vitest';
import { metatileOf } from '../../../src/tms/metatile.ts';
import { closeBackends, GRID, setUpBackend as setUp } from '../../support/dynamic-backend.ts';

afterEach(closeBackends);

const signal = new AbortController().signal;

describe('what is remembered', () => {
  const tile = { z: 6, x: 33, y: 27 };

  test('identical searches at once are one', async () => {
    const { backend, counters } = await setUp(GRID);
    const metatile = metatileOf(tile, 8);
    const [first, second] = await Promise.all([
      backend.assetsForMetatile(metatile, { signal }),
      backend.assetsForMetatile(metatile, { signal }),
      backend.assetsForTile(tile, { signal }),
    ]);
    expect(counters.searches).toBe(1);
    expect(second).toEqual(first);
  });

  test('a failed search is not', async () => {
    const { backend, server, counters } = await setUp(GRID, {}, { search: { limits: { attempts: 1 } } });
    await backend.assetsForPoint(0, 0, { signal });
    server.fail({ kind: 'status', status: 503 });
    await expect(backend.assetsForTile(tile, { signal })).rejects.toMatchObject({ code: 'STAC_UNAVAILABLE' });
    expect(await backend.assetsForTile(tile, { signal })).not.toEqual([]);
    expect(counters.searches).toBe(3);
  });

  test('one asker who leaves does not end the search of the others; the last one does', async () => {
    const { backend, server, counters } = await setUp(
      GRID,
      {},
      { search: { limits: { timeoutMs: 400, attempts: 2 } } },
    );
    await backend.assetsForPoint(0, 0, { signal });
    server.fail({ kind: 'hang' });
    const leaver = new AbortController();
    const left = backend.assetsForTile(tile, { signal: leaver.signal });
    const stayed = backend.assetsForTile(tile, { signal });
    await expect.poll(() => server.searches.length).toBe(2);
    leaver.abort();
    await expect(left).rejects.toBe(leaver.signal.reason);
    expect(await stayed).not.toEqual([]);
    expect(counters.searches).toBe(3);

    const alone = new AbortController();
    server.fail({ kind: 'hang' });
    const other = { ...tile, x: 34 };
    const ended = backend.assetsForTile(other, { signal: alone.signal });
    await expect.poll(() => server.searches.length).toBe(4);
    alone.abort();
    await expect(ended).rejects.toMatchObject({ name: 'AbortError' });
    expect(await backend.assetsForTile(other, { signal })).not.toEqual([]);
    expect(counters.searches).toBe(5);
  });

  test('an aborted signal asks nothing', async () => {
    const { backend, counters } = await setUp(GRID);
    await expect(backend.assetsForTile(tile, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(counters.searches).toBe(0);
  });

  test('is bounded by searches and by scenes, the least recently used goes first', async () => {
    const tiles = [0, 1, 2].map((i) => ({ z: 6, x: 33 + i, y: 27 }));
    const [a, b, c] = tiles as [typeof tile, typeof tile, typeof tile];
    const bySearches = await setUp(GRID, {}, { maxCachedSearches: 2 });
    for (const one of [a, b, a, c, a]) await bySearches.backend.assetsForTile(one, { signal });
    expect(bySearches.counters.searches).toBe(3);
    await bySearches.backend.assetsForTile(b, { signal });
    expect(bySearches.counters.searches).toBe(4);
    const byScenes = await setUp(GRID, {}, { maxCachedScenes: 1 });
    for (const one of [a, a, b, b, a]) await byScenes.backend.assetsForTile(one, { signal });
    expect(byScenes.counters.searches).toBe(3);
  });

  test('too many items are an error', async () => {
    const { backend } = await setUp(GRID, { maxItems: 5 });
    await expect(backend.assetsForTile({ z: 0, x: 0, y: 0 }, { signal })).rejects.toMatchObject({
      code: 'MOSAIC_TOO_MANY_ASSETS',
    });
  });
});
