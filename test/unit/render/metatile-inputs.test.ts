import { describe, expect, test } from 'vitest';
import { createFileVersions } from '../../../src/cog/file-versions.ts';
import { TilerError } from '../../../src/errors.ts';
import type { MetatileInputs } from '../../../src/render/metatile-inputs.ts';
import { createTileRenderer } from '../../../src/render/render-metatile.ts';
import type { RenderOptions, TileRenderer } from '../../../src/render/tile-renderer.ts';
import { createMemoryStore } from '../../../src/store/memory-store.ts';
import type { TileStore } from '../../../src/store/tile-store.ts';
import type { MetatileWork } from '../../../src/tms/metatile.ts';
import { children } from '../../../src/tms/tile.ts';
import { createMemoryMosaic, gridScene } from '../../support/memory-mosaic.ts';
import type { GridScene, MemoryMosaic, MemoryScene } from '../../support/memory-mosaic.ts';
import { workOf } from '../../support/metatile-work.ts';
import { PLAIN_OPTIONS } from '../../support/render-options.ts';

const NEVER = { signal: new AbortController().signal };
const WORK = workOf({ z: 5, x: 4, y: 5, size: 2 });
const OPTIONS: RenderOptions = PLAIN_OPTIONS;

/** `versions` of the same item: what it states of itself. */
type SceneFields = Partial<GridScene> & Pick<MemoryScene, 'version' | 'checksum'>;

function scene(id: string, value: number, { version, checksum, ...grid }: SceneFields = {}): MemoryScene {
  const made = gridScene({ id, z: 5, x: 8, y: 10, columns: 2, rows: 2, bands: () => [value], ...grid });
  return { ...made, ...(version !== undefined && { version }), ...(checksum !== undefined && { checksum }) };
}

interface Setting {
  readonly options?: Partial<RenderOptions>;
  readonly pixelHash?: string;
  readonly handedOn?: TileStore;
}

function rendererOf(mosaic: MemoryMosaic, { options, ...parts }: Setting = {}): TileRenderer {
  return createTileRenderer({ ...mosaic, options: { ...OPTIONS, ...options }, ...parts });
}

async function rendered(scenes: readonly MemoryScene[], setting: Setting = {}, work = WORK): Promise<MetatileInputs> {
  await using mosaic = createMemoryMosaic(scenes);
  const { inputs } = await rendererOf(mosaic, setting).renderMetatile(work, async () => {}, NEVER);
  return inputs;
}

/** True if a later state of the catalog is known to give the same. Nothing may be rendered for that. */
async function isUnchanged(
  known: MetatileInputs,
  scenes: readonly MemoryScene[],
  setting: Setting = {},
  work = WORK,
): Promise<boolean> {
  await using mosaic = createMemoryMosaic(scenes);
  const found = await rendererOf(mosaic, setting).unchangedInputs(work, known, NEVER);
  expect(mosaic.counters.blocksDecoded).toBe(0);
  const again = await rendered(scenes, setting, work);
  expect(found ?? again).toEqual(again);
  return found !== null;
}

describe('the inputs of a metatile', () => {
  test('are its scenes in their order, with the files that were opened', async () => {
    const west = scene('west', 50, { columns: 1 });
    const inputs = await rendered([west, scene('top', 100), scene('below', 7), scene('far', 9, { x: 20 })]);
    expect(inputs.children).toEqual([]);
    expect(inputs.signature).toMatch(/^[0-9a-f]{32}$/);
    expect(inputs.scenes).toEqual([
      { scene: 'memory/west', datetime: null, version: '1', files: [expect.anything()] },
      {
        scene: 'memory/top',
        datetime: null,
        version: '1',
        files: [
          { key: 'data', href: 'https://memory.test/top/data', version: expect.stringMatching(/^"[0-9a-f]{32}"$/) },
        ],
      },
      { scene: 'memory/below', datetime: null, version: '1', files: [] },
    ]);
  });

  test('are known without rendering: nothing is opened, and only the files are missing', async () => {
    await using mosaic = createMemoryMosaic([scene('top', 100), scene('below', 7)]);
    const renderer = rendererOf(mosaic);
    const before = await renderer.inputsOf(WORK, NEVER);
    expect(mosaic.opens).toEqual([]);
    const { inputs } = await renderer.renderMetatile(WORK, async () => {}, NEVER);
    expect(before.signature).toBe(inputs.signature);
    expect(before.scenes).toEqual(inputs.scenes.map((input) => ({ ...input, files: [] })));
  });

  test('a file that another metatile has opened counts where it is read', async () => {
    await using mosaic = createMemoryMosaic([scene('wide', 100, { columns: 4 })]);
    const renderer = rendererOf(mosaic);
    const next = workOf({ z: 5, x: 5, y: 5, size: 2 });
    await renderer.renderMetatile(WORK, async () => {}, NEVER);
    const { inputs } = await renderer.renderMetatile(next, async () => {}, NEVER);
    expect(mosaic.opens).toEqual(['wide/data']);
    expect(inputs.scenes[0]?.files).toHaveLength(1);
  });

  test('of an empty catalog are none', async () => {
    const inputs = await rendered([]);
    expect(inputs).toMatchObject({ scenes: [], children: [] });
    expect(await isUnchanged(inputs, [])).toBe(true);
    expect(await isUnchanged(inputs, [scene('new', 1)])).toBe(false);
  });
});

describe('a metatile is unchanged', () => {
  const stack = [scene('top', 100), scene('below', 50), scene('bottom', 25)];
  const [top, below, bottom] = stack as [MemoryScene, MemoryScene, MemoryScene];
  const holed = scene('top', 0, { bands: (_, col) => [col < 100 ? 0 : 100] });

  test.each<[string, readonly MemoryScene[]]>([
    ['with the same scenes', stack],
    ['with a further one elsewhere', [scene('far', 9, { x: 20 }), ...stack]],
    ['when a file beneath a full scene is replaced', [top, scene('below', 51), bottom]],
    ['when the item of such a scene is another', [top, { ...below, version: '1' }, bottom]],
    ['when such a scene is withdrawn', [top, bottom]],
    ['when all of them are', [top]],
    ['when they change their order', [top, bottom, below]],
  ])('%s', async (_, scenes) => {
    expect(await isUnchanged(await rendered(stack), scenes)).toBe(true);
  });

  test.each<[string, readonly MemoryScene[]]>([
    ['the file on top is replaced', [scene('top', 101), below, bottom]],
    ['the item on top is another', [{ ...top, version: '2' }, below, bottom]],
    ['the scene on top is withdrawn', [below, bottom]],
    ['one comes on top', [scene('new', 1), top, below, bottom]],
    ['a new one comes beneath', [top, scene('new', 1), below, bottom]],
    ['the order changes', [below, top, bottom]],
    ['one beneath moves', [top, { ...below, version: 'elsewhere........2' }, bottom]],
  ])('not if %s', async (_, scenes) => {
    expect(await isUnchanged(await rendered(stack), scenes)).toBe(false);
  });

  test('not if a file that fills holes is replaced, and if one beneath it is', async () => {
    const known = await rendered([holed, below, bottom]);
    expect(await isUnchanged(known, [holed, scene('below', 51), bottom])).toBe(false);
    expect(await isUnchanged(known, [holed, below, scene('bottom', 26)])).toBe(true);
  });

  test('only as long as all scenes count, if all do', async () => {
    const setting = { options: { pixelSelection: 'mean' } } as const;
    const known = await rendered(stack, setting);
    expect(await isUnchanged(known, stack, setting)).toBe(true);
    expect(await isUnchanged(known, [top, below, scene('bottom', 26)], setting)).toBe(false);
    expect(await isUnchanged(known, [top, below], setting)).toBe(false);
  });

  test('not with another request, or other tiles', async () => {
    const known = await rendered(stack, { pixelHash: 'a' });
    expect(await isUnchanged(known, stack, { pixelHash: 'a' })).toBe(true);
    expect(await isUnchanged(known, stack, { pixelHash: 'b' })).toBe(false);
    expect(await isUnchanged(known, [top], { pixelHash: 'b' })).toBe(false);
    const fewer = workOf(WORK.metatile, WORK.tiles.slice(1));
    expect(await isUnchanged(known, stack, { pixelHash: 'a' }, fewer)).toBe(false);
  });

  test('wherever its index has moved to', async () => {
    expect(await isUnchanged(await rendered(stack), stack, {}, { ...WORK, index: 77 })).toBe(true);
  });
});

describe('files', () => {
  test('are looked at also where the item states a checksum: it may be that of a file that was read before', async () => {
    const stated = scene('top', 100, { checksum: '12' });
    const known = await rendered([stated]);
    await using mosaic = createMemoryMosaic([stated]);
    expect(await rendererOf(mosaic).unchangedInputs(WORK, known, NEVER)).not.toBeNull();
    expect(mosaic.reads).toEqual(['top/data']);
  });

  test('are looked at once each, and no others', async () => {
    const stack = [scene('top', 100), scene('below', 50)];
    const known = await rendered(stack);
    await using mosaic = createMemoryMosaic(stack);
    const renderer = rendererOf(mosaic);
    for (let n = 0; n < 3; n++) expect(await renderer.unchangedInputs(WORK, known, NEVER)).not.toBeNull();
    expect(mosaic.reads).toEqual(['top/data']);
  });

  test('that cannot be looked at are not unchanged; that is no failure', async () => {
    const stack = [scene('top', 100)];
    const known = await rendered(stack);
    for (const code of ['SOURCE_UNAVAILABLE', 'ASSET_FORBIDDEN', 'ASSET_NOT_FOUND'] as const) {
      await using mosaic = createMemoryMosaic(stack);
      mosaic.onRead = () => {
        throw new TilerError(code, 'Reading: no');
      };
      expect(await rendererOf(mosaic).unchangedInputs(WORK, known, NEVER)).toBeNull();
    }
  });

  test('of which nothing says the version are not unchanged', async () => {
    const stack = [scene('top', 100)];
    const known = await rendered(stack);
    const silent = known.scenes.map((input) => ({
      ...input,
      files: input.files.map((file) => ({ ...file, version: null })),
    }));
    await using mosaic = createMemoryMosaic(stack);
    const renderer = rendererOf(mosaic);
    expect(await renderer.unchangedInputs(WORK, { ...known, scenes: silent }, NEVER)).toBeNull();
    const without = createTileRenderer({
      backend: mosaic.backend,
      cogs: mosaic.cogs,
      counters: mosaic.counters,
      options: OPTIONS,
    });
    expect(await without.unchangedInputs(WORK, known, NEVER)).toBeNull();
    const versions = createFileVersions({
      opener: () => {
        throw new Error('a fault in the program');
      },
    });
    const faulty = createTileRenderer({ ...mosaic, options: OPTIONS, fileVersions: versions });
    await expect(faulty.unchangedInputs(WORK, known, NEVER)).rejects.toThrow('a fault in the program');
  });

  test('a scene that was left out may be there again: its metatile is never unchanged', async () => {
    const stack = [scene('top', 100), scene('below', 50)];
    const options = { onAssetError: 'skip' } as const;
    await using broken = createMemoryMosaic(stack);
    broken.onRead = (name) => {
      if (name === 'top/data') throw new TilerError('ASSET_NOT_FOUND', 'Reading: 404');
    };
    const { inputs } = await rendererOf(broken, { options }).renderMetatile(WORK, async () => {}, NEVER);
    expect(inputs.scenes).toMatchObject([{ leftOut: true, files: [] }, { files: [{ key: 'data' }] }]);
    expect(inputs.signature).toBe((await rendered(stack, { options })).signature);
    expect(await rendererOf(broken, { options }).unchangedInputs(WORK, inputs, NEVER)).toBeNull();
  });
});

describe('a metatile that is made of others', () => {
  const PARENT = { z: 4, x: 4, y: 5 };
  const MADE: MetatileWork = {
    index: 9,
    metatile: { ...PARENT, size: 1 },
    children: children(PARENT),
    tiles: [PARENT],
    parents: [],
    handedOn: null,
  };
  const below = (n: number): MetatileWork => {
    const tile = children(PARENT)[n]!;
    return { index: n, metatile: { ...tile, size: 1 }, children: null, tiles: [tile], parents: [], handedOn: tile };
  };

  async function handOn(store: TileStore, scenes: readonly MemoryScene[]): Promise<readonly (string | null)[]> {
    await using mosaic = createMemoryMosaic(scenes);
    const renderer = rendererOf(mosaic, { handedOn: store });
    const parts: (string | null)[] = [];
    for (let n = 0; n < 4; n++) parts.push((await renderer.renderMetatile(below(n), async () => {}, NEVER)).part);
    return parts;
  }

  test('has their pixels for inputs, and reads each of them once', async () => {
    await using store = createMemoryStore();
    const parts = await handOn(store, [scene('a', 100, { columns: 1 })]);
    await using mosaic = createMemoryMosaic([]);
    let reads = 0;
    const counting: TileStore = Object.assign(Object.create(store) as TileStore, {
      getPart: (...args: Parameters<TileStore['getPart']>) => (reads++, store.getPart(...args)),
    });
    const renderer = rendererOf(mosaic, { handedOn: counting });
    const before = await renderer.inputsOf(MADE, NEVER);
    const { inputs, part } = await renderer.renderMetatile(MADE, async () => {}, NEVER);
    expect(inputs).toEqual(before);
    expect(inputs.children.map(({ digest }) => digest)).toEqual(parts);
    expect(part).toBeNull();
    expect(reads).toBe(4);
    expect(mosaic.searches).toEqual([]);
  });

  test('is unchanged as long as they are, and not if one is gone', async () => {
    await using store = createMemoryStore();
    await handOn(store, [scene('a', 100)]);
    const known = await rendered([], { handedOn: store }, MADE);
    await handOn(store, [scene('another', 100)]);
    expect(await isUnchanged(known, [], { handedOn: store }, MADE)).toBe(true);
    await handOn(store, [scene('another', 100), scene('b', 1)]);
    expect(await isUnchanged(known, [], { handedOn: store }, MADE)).toBe(true);
    await handOn(store, [scene('b', 1, { columns: 1 }), scene('another', 100)]);
    expect(await isUnchanged(known, [], { handedOn: store }, MADE)).toBe(false);
    await using empty = createMemoryStore();
    expect((await rendered([], { handedOn: empty }, MADE)).children[0]?.digest).toBe('0'.repeat(32));
    expect(await isUnchanged(known, [], { handedOn: empty }, MADE)).toBe(false);
  });
});
