import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { getFromApi } from '../../../../jobs/dashboard/api.ts';
import { createRunOutputs } from '../../../../jobs/dashboard/run-outputs.ts';
import { createRunReader } from '../../../../jobs/dashboard/run-reader.ts';
import { createMemoryRuns } from '../../../support/memory-runs.ts';
import { configWith, NEVER } from '../../../support/preview-tilesets.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-map-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function readMap(): Promise<unknown> {
  const runs = createMemoryRuns();
  runs.add('run', { output: join(folder, 'world.pmtiles') });
  await using outputs = createRunOutputs(runs, configWith(), NEVER.signal);
  const sources = { runs, outputs, reader: createRunReader(runs, NEVER) };
  return await getFromApi(sources, '/api/runs/run', new URLSearchParams());
}

test('a run whose output cannot be read is shown, and why', async () => {
  expect(await readMap()).toMatchObject({ run: 'run', map: { version: null, problem: null, isArchive: true } });
  await writeFile(join(folder, 'world.versions.json'), '{ "not": "ours" }');
  expect(await readMap()).toMatchObject({
    run: 'run',
    map: { version: null, problem: expect.stringMatching(/world\.versions\.json: found a document of another kind/) },
  });
});
