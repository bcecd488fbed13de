import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRunOutputs } from '../../../../jobs/dashboard/run-outputs.ts';
import type { RunOutputs } from '../../../../jobs/dashboard/run-outputs.ts';
import { parseTilesetRequest } from '../../../../jobs/request/tileset-request.ts';
import { BLUE, configWith, GREEN, NEVER, publishTiles, quarters, RED } from '../../../support/preview-tilesets.ts';

const TILE = { z: 1, x: 0, y: 0 };
const WAIT = { timeout: 30_000 };

let folder: string;
let outputs: RunOutputs;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-outputs-'));
  const request = parseTilesetRequest({
    mosaic: { type: 'stac', url: 'http://127.0.0.1:9/search' },
    area: { bbox: [-180, -85, 180, 85] },
    minzoom: 1,
    maxzoom: 3,
    assets: ['visual'],
    output: join(folder, 'world.pmtiles'),
  });
  const runs = { request: async (run: string) => await Promise.resolve(run === 'run' ? request : null) };
  outputs = createRunOutputs(runs, configWith(), NEVER.signal);
});

afterEach(async () => {
  await outputs[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test('an archive shows tiles once a version is published, and those of a newer one soon after', async () => {
  const output = await outputs.get('run');
  if (output === null) throw new Error('there is no such run');
  const tile = async (): Promise<Uint8Array | null> => await output.tile(TILE, NEVER.signal);
  expect([await output.version(), await tile()]).toEqual([null, null]);

  for (const [generation, colour] of [RED, GREEN, BLUE].entries()) {
    const tiles = await quarters([colour, colour, colour, null]);
    const { id } = await publishTiles(join(folder, 'world.pmtiles'), tiles, generation + 1);
    await expect.poll(async () => await output.version(), WAIT).toBe(id);
    expect(Buffer.compare((await tile()) ?? Buffer.of(), tiles[0]?.bytes ?? Buffer.of())).toBe(0);
  }
  expect(await outputs.get('another')).toBeNull();
}, 120_000);
