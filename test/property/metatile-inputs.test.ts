import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestOf } from '../../src/digest.ts';
import type { MetatileInputs } from '../../src/render/metatile-inputs.ts';
import { createTileRenderer } from '../../src/render/render-metatile.ts';
import type { RenderOptions } from '../../src/render/tile-renderer.ts';
import { tilePath } from '../../src/tms/tile.ts';
import { createMemoryMosaic, gridFootprint, gridScene } from '../support/memory-mosaic.ts';
import type { MemoryScene } from '../support/memory-mosaic.ts';
import { workOf } from '../support/metatile-work.ts';
import { PLAIN_OPTIONS } from '../support/render-options.ts';

const NEVER = { signal: new AbortController().signal };
const WORK = workOf({ z: 5, x: 4, y: 5, size: 2 });

/** A scene as a few numbers: where it lies, what its file holds, and what else its item says. */
interface Sketch {
  readonly id: string;
  readonly place: number;
  readonly value: number;
  readonly isHoled: boolean;
  readonly item: number;
}

const PLACES = [
  { x: 8, y: 10, columns: 2, rows: 2 },
  { x: 8, y: 10, columns: 1, rows: 2 },
  { x: 9, y: 11, columns: 1, rows: 1 },
  { x: 9, y: 9, columns: 2, rows: 2 },
  { x: 20, y: 20, columns: 1, rows: 1 },
] as const;

const made = new Map<string, MemoryScene>();

function sceneOf({ id, place, value, isHoled, item }: Sketch): MemoryScene {
  const key = JSON.stringify([place, value, isHoled]);
  const grid = { id, z: 5, ...PLACES[place]! };
  const bands = (_: number, col: number): readonly number[] => [isHoled && col % 128 < 64 ? 0 : value];
  const scene = made.get(key) ?? gridScene({ ...grid, bands });
  made.set(key, scene);
  const version = `place-${place}`.padEnd(16, '.') + String(item);
  return { id, assets: scene.assets, footprint: gridFootprint({ ...grid, bands }), version };
}

async function render(sketches: readonly Sketch[], options: RenderOptions) {
  await using mosaic = createMemoryMosaic(sketches.map(sceneOf));
  const tiles: string[] = [];
  const { inputs } = await createTileRenderer({ ...mosaic, options }).renderMetatile(
    WORK,
    async (tile, encoded) => {
      tiles.push(`${tilePath(tile)} ${encoded === null ? 'empty' : digestOf(encoded.bytes)}`);
      await Promise.resolve();
    },
    NEVER,
  );
  return { inputs, tiles: tiles.sort() };
}

async function unchanged(known: MetatileInputs, sketches: readonly Sketch[], options: RenderOptions) {
  await using mosaic = createMemoryMosaic(sketches.map(sceneOf));
  return await createTileRenderer({ ...mosaic, options }).unchangedInputs(WORK, known, NEVER);
}

const sketch = (id: string): fc.Arbitrary<Sketch> =>
  fc.record({
    id: fc.constant(id),
    place: fc.integer({ min: 0, max: PLACES.length - 1 }),
    value: fc.integer({ min: 1, max: 3 }),
    isHoled: fc.boolean(),
    item: fc.integer({ min: 0, max: 1 }),
  });

const stack = fc
  .subarray(['a', 'b', 'c', 'd', 'e'], { minLength: 1 })
  .chain((ids) => fc.tuple(...ids.map(sketch)))
  .chain((sketches) => fc.shuffledSubarray(sketches, { minLength: sketches.length }));

/** What may happen to a catalog: each scene may stay, change in one way, move in the order or go, and others come. */
const change = fc.record({
  at: fc.nat(),
  to: fc.nat(),
  kind: fc.constantFrom('nothing', 'value', 'holes', 'item', 'place', 'remove', 'reorder', 'add'),
  added: sketch('new'),
});

function changed(
  sketches: readonly Sketch[],
  { at, to, kind, added }: typeof change extends fc.Arbitrary<infer T> ? T : never,
) {
  const next = [...sketches];
  const index = at % next.length;
  const one = next[index]!;
  if (kind === 'nothing') return next;
  if (kind === 'add') next.splice(to % (next.length + 1), 0, added);
  else next.splice(index, 1);
  if (kind === 'reorder') next.splice(to % (next.length + 1), 0, one);
  // A file that is replaced in its place leaves its item as it is.
  if (kind === 'value') next.splice(index, 0, { ...one, value: (one.value % 3) + 1 });
  if (kind === 'holes') next.splice(index, 0, { ...one, isHoled: !one.isHoled });
  if (kind === 'item') next.splice(index, 0, { ...one, item: 1 - one.item });
  if (kind === 'place') next.splice(index, 0, { ...one, place: (one.place + 1 + (to % 4)) % PLACES.length });
  return next;
}

const rendering = fc.record({
  pixelSelection: fc.constantFrom('first', 'first', 'mean', 'highest'),
  resampling: fc.constantFrom('nearest', 'bilinear'),
});

test('what is taken to be unchanged would be rendered the same, and what is the same is unchanged', async () => {
  const kept = { same: 0, other: 0, rendered: 0 };
  await fc.assert(
    fc.asyncProperty(stack, fc.array(change, { maxLength: 2 }), rendering, async (before, changes, given) => {
      const options: RenderOptions = { ...PLAIN_OPTIONS, ...given };
      const after = changes.reduce<readonly Sketch[]>(
        (sketches, one) => (sketches.length === 0 ? sketches : changed(sketches, one)),
        before,
      );
      const first = await render(before, options);
      const found = await unchanged(first.inputs, after, options);
      const again = await render(after, options);
      const isSame = JSON.stringify(after) === JSON.stringify(before);
      expect(found !== null || !isSame).toBe(true);
      kept[found === null ? 'rendered' : isSame ? 'same' : 'other']++;
      // Nothing else is said of one that is to be rendered: it may well come out the same.
      expect(found === null ? again : { inputs: found, tiles: first.tiles }).toEqual(again);
    }),
    { numRuns: 250 },
  );
  // The cases that this is about have come up.
  expect(Math.min(kept.same, kept.other, kept.rendered)).toBeGreaterThan(0);
});

test('the signature tells scenes, their versions and their order apart, and nothing else', async () => {
  const signatureOf = async (sketches: readonly Sketch[]): Promise<string> => {
    await using mosaic = createMemoryMosaic(sketches.map(sceneOf));
    return (await createTileRenderer({ ...mosaic, options: PLAIN_OPTIONS }).inputsOf(WORK, NEVER)).signature;
  };
  const partsOf = (sketches: readonly Sketch[]): string =>
    JSON.stringify(sketches.flatMap(({ id, place, item }) => (place === 4 ? [] : [[id, place, item]])));
  await fc.assert(
    fc.asyncProperty(stack, stack, async (one, other) => {
      expect((await signatureOf(one)) === (await signatureOf(other))).toBe(partsOf(one) === partsOf(other));
    }),
    { numRuns: 150 },
  );
});
