import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { finishTileset } from '../../../jobs/finish-tileset.ts';
import type { FinishedTileset } from '../../../jobs/finish-tileset.ts';
import { readManifest } from '../../../jobs/manifest.ts';
import { PLAIN_MODE } from '../../../jobs/run-update.ts';
import { TilerError } from '../../../src/errors.ts';
import { NOTHING_LEFT_OUT } from '../../../src/render/left-out.ts';
import { MemoryObjects } from '../../../src/store/memory-objects.ts';
import { DELETES_AT_ONCE } from '../../../src/store/object-store.ts';
import type { StoreCallOptions } from '../../../src/store/tile-store.ts';
import { TileObjects } from '../../../src/store/tile-objects.ts';
import type { Tile } from '../../../src/tms/tile.ts';
import { tilePath } from '../../../src/tms/tile.ts';
import { recordOf } from '../../support/staged-metatiles.ts';
import { worldRequest } from '../../support/world-request.ts';

const NEVER = { signal: new AbortController().signal };
const BYTES = Uint8Array.of(1);
const INSIDE = { z: 0, x: 0, y: 0 };

/** Tiles of a plan before this one, of which one is refused. */
const OUTSIDE = Array.from({ length: 50 }, (_, n) => ({ z: 6, x: n, y: n }));
const REFUSED = '6/20/20';

/** Counts what is deleted, and how much of it at once. */
class CountedTiles extends TileObjects {
  readonly deleted: string[] = [];
  refused = '';
  most = 0;
  underWay = 0;

  override async delete(tile: Tile, options: StoreCallOptions): Promise<void> {
    const path = tilePath(tile);
    this.deleted.push(path);
    this.most = Math.max(this.most, ++this.underWay);
    await nextTurn();
    this.underWay--;
    if (path === this.refused) throw new TilerError('STORE_FORBIDDEN', `Deleting ${path}: refused`);
    await super.delete(tile, options);
  }

  async paths(): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const tile of this.list(NEVER)) found.push(tilePath(tile));
    return found;
  }
}

let store: CountedTiles;

beforeEach(async () => {
  store = new CountedTiles(new MemoryObjects(), { extension: 'png', contentType: 'image/png' });
  for (const tile of OUTSIDE) await store.put(tile, BYTES, NEVER);
  const sink = store.openMetatile(0);
  await sink.put(INSIDE, BYTES, NEVER);
  await sink.commit(recordOf({ index: 0, tiles: [{ tileId: 0, bytes: BYTES }], empty: [] }), NEVER);
});

function finished(): FinishedTileset {
  return {
    request: worldRequest({ maxzoom: 0, output: 'out' }),
    requestHash: 'hash',
    generation: 1,
    mode: { ...PLAIN_MODE, sweeps: true },
    metatiles: 1,
    unchanged: 0,
    rendered: 1,
    empty: 0,
    failed: 0,
    failures: [],
    leftOut: NOTHING_LEFT_OUT,
    ...NEVER,
  };
}

test('tiles of a plan before are deleted with one request each, some at a time', async () => {
  await finishTileset(store, finished());
  expect(store.deleted.toSorted()).toEqual(OUTSIDE.map(tilePath).sort());
  expect(store.most).toBe(DELETES_AT_ONCE);
  expect(await store.paths()).toEqual(['0/0/0']);
});

test('a tile that cannot be deleted is named; nothing goes on behind it, and the tileset is not complete', async () => {
  store.refused = REFUSED;
  const refused = { code: 'STORE_FORBIDDEN', message: expect.stringContaining(REFUSED) as string };
  await expect(finishTileset(store, finished())).rejects.toMatchObject(refused);
  expect(store.underWay).toBe(0);
  const begun = store.deleted.length;
  expect(begun).toBeLessThan(OUTSIDE.length);
  await nextTurn();
  expect(store.deleted.length).toBe(begun);
  expect(await readManifest(store, NEVER)).toBeNull();

  store.refused = '';
  await finishTileset(store, finished());
  expect(await store.paths()).toEqual(['0/0/0']);
  expect(await readManifest(store, NEVER)).toMatchObject({ state: 'complete' });
});
