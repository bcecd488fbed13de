import { expect, test } from 'vitest';
import { PlanCache } from '../../../src/cog/plan-cache.ts';
import type { ReadPlan } from '../../../src/cog/plan-read.ts';

/** A plan whose mapping takes about a MiB, as one with a node at every pixel does. */
function largePlan(): ReadPlan {
  const window = { col: 0, row: 0, width: 256, height: 256 };
  const mapping = {
    kind: 'grid',
    step: 1,
    columns: 256,
    rows: 256,
    xs: new Float64Array(65_536),
    ys: new Float64Array(65_536),
  } as const;
  return {
    level: 0,
    levelWidth: 256,
    levelHeight: 256,
    resampling: 'nearest',
    parts: [{ destination: window, source: window, mapping, scale: { x: 1, y: 1 }, isCopy: false }],
  };
}

test('keeps plans, also that there is none, and lets go of those that were not asked for longest', () => {
  const cache = new PlanCache();
  let created = 0;
  const create = () => {
    created++;
    return largePlan();
  };
  const first = cache.get('first', create);
  expect(cache.get('none', () => null)).toBeNull();
  for (let n = 0; n < 6; n++) cache.get(`${n}`, create);
  expect(cache.get('first', create)).toBe(first);
  expect(cache.get('none', create)).toBeNull();
  expect(created).toBe(7);
  for (let n = 6; n < 9; n++) cache.get(`${n}`, create);
  expect(cache.get('first', create)).toBe(first);
  cache.get('0', create);
  expect(created).toBe(11);
});
