import { afterAll, beforeAll, expect, test } from 'vitest';
import { runChaos } from '../support/chaos.ts';
import type { ChaosOutcome } from '../support/chaos.ts';
import { startChaosWorld } from '../support/chaos-world.ts';
import type { ChaosWorld } from '../support/chaos-world.ts';
import { INSTALL_TIMEOUT_MS } from '../support/install.ts';

/** Half a minute on two idle cores; it starts some fifteen processes. */
const TIMEOUT_MS = 600_000;

/** Nothing here depends on it; it is stated so that a run that failed can be repeated. */
const SEED = Number(process.env['TILEWRIGHT_TEST_CHAOS_SEED'] ?? 20261122);

let world: ChaosWorld;
/** What one process renders with nothing disturbed. */
let expected: readonly string[];
let outcome: ChaosOutcome;

beforeAll(async () => {
  world = await startChaosWorld({
    env: {
      // Short, so that the jobs of a killed worker are taken over within seconds.
      TILEWRIGHT_LOCK_MS: '2000',
      TILEWRIGHT_STALLED_INTERVAL_MS: '1000',
      TILEWRIGHT_MAX_STALLED: '20',
      TILEWRIGHT_ATTEMPTS: '20',
      TILEWRIGHT_BACKOFF_MS: '100',
      // Few at a time, so that the supervisor has something to do all along.
      TILEWRIGHT_QUEUE_HIGH: '20',
    },
    // Most zooms are made of the tiles of others, which wait for each other.
    request: { area: { bbox: [-2, 8, 22, 32] }, minzoom: 3, maxzoom: 7, sourceMinzoom: 7, metatileSize: 1 },
  });
  expected = await world.undisturbed();
  // Every metatile then takes long enough for a signal to come in its midst.
  world.scenes.slowDown(40);
}, INSTALL_TIMEOUT_MS);

afterAll(async () => world[Symbol.asyncDispose]());

test(
  `seed ${SEED}: processes, Redis, S3 and the STAC API fail, and the run ends once with the same bytes`,
  async () => {
    outcome = await runChaos(world, { name: 'chaos', workers: 3, seed: SEED, randomKills: 7 });
    expect(outcome.recoveries.length).toBeGreaterThanOrEqual(12);
    expect(outcome.faults.s3).toBeGreaterThan(20);
    expect(outcome.faults.stac).toBeGreaterThan(5);
    expect(await world.objects('chaos')).toStrictEqual(expected);
  },
  TIMEOUT_MS,
);

test('the run was complete exactly once, and nothing is left in the queues', async () => {
  expect(outcome.states).toStrictEqual(['running', 'complete']);
  const { runQueue, metatileQueue } = world.queues;
  for (const queue of [runQueue, metatileQueue]) {
    const counts = await queue.getJobCounts('active', 'waiting', 'prioritized', 'delayed', 'failed');
    expect(Object.values(counts).every((count) => count === 0)).toBe(true);
  }
});
