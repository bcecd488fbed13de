import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { filesByRun, isRunId, localPathsOf, localPlaceOf, writeDocument } from '../../../../jobs/local/local-files.ts';
import { keepRequest, readKeptRequest } from '../../../../jobs/local/local-request.ts';
import { LocalRuns } from '../../../../jobs/local/local-runs.ts';
import { readLocalStatus } from '../../../../jobs/local/local-status.ts';
import { parseTilesetRequest } from '../../../../jobs/request/tileset-request.ts';
import { parseConfig } from '../../../../src/config.ts';

const RUN = '0123456789abcdef-1';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-files-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('the files of a folder lie in it; those of other outputs in the state folder, apart from each other', async () => {
  const ofFolder = localPathsOf(localPlaceOf(folder, 'state'), RUN);
  expect(ofFolder.journal).toBe(join(folder, '.tilewright', `${RUN}.journal`));
  const ofArchives = ['a.pmtiles', 'b.pmtiles'].map((name) =>
    localPathsOf(localPlaceOf(join(folder, name), 'state'), RUN),
  );
  const ofBuckets = ['s3://bucket/a', 's3://bucket/b'].map((output) =>
    localPathsOf(localPlaceOf(output, 'state'), RUN),
  );
  for (const { status } of ofBuckets) expect(status).toContain(resolve('state'));
  for (const { status } of ofArchives) expect(status).toContain(join(folder, '.tilewright'));
  expect(new Set([ofFolder, ...ofArchives, ...ofBuckets].map(({ status }) => status)).size).toBe(5);

  await mkdir(join(folder, '.tilewright'));
  for (const { status, journal } of [ofFolder, ...ofArchives]) {
    for (const path of [status, journal, `${journal}.left-out`]) await writeFile(path, '');
  }
  await writeFile(join(folder, '.tilewright', 'something.else'), '');
  const files = await filesByRun(localPlaceOf(folder, 'state'));
  expect([...files]).toStrictEqual([[RUN, [ofFolder.journal, `${ofFolder.journal}.left-out`, ofFolder.status]]]);
});

test.each(['', '../../etc/passwd', '0123456789abcdef-0', '0123456789ABCDEF-1', `${RUN}/`, `${RUN}\n`])(
  'no name of a run: %j',
  async (name) => {
    expect(isRunId(name)).toBe(false);
    await using runs = new LocalRuns({ output: folder, config: parseConfig({}) });
    expect([await runs.status(name), await runs.request(name), await runs.metatileBits(name, 0, 8)]).toStrictEqual([
      null,
      null,
      null,
    ]);
    await expect(runs.pause(name)).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
  },
);

test.each(['', '{', '[]', '{"v":2}', '{"v":1,"run":"x"}', 'null'])(
  'a status that is none is refused: %j',
  async (text) => {
    const path = join(folder, 'status.json');
    expect(await readLocalStatus(path)).toBeNull();
    await writeFile(path, text);
    await expect(readLocalStatus(path)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
  },
);

test('a document that is too large is not read', async () => {
  const path = join(folder, 'status.json');
  await writeFile(path, ' '.repeat(17 * 1024 * 1024));
  await expect(readLocalStatus(path)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
});

test('documents are for the user alone', async () => {
  const path = join(folder, 'document.json');
  await writeDocument(path, {});
  expect((await stat(path)).mode & 0o077).toBe(0);
});

test.each([
  ['https://example.com/search', false, 'https://example.com/search'],
  ['https://example.com/search?token=secret', true, 'https://example.com/search'],
])('the request is kept without what may be a secret: %s', async (url, isRedacted, kept) => {
  const path = join(folder, 'request.json');
  const request = parseTilesetRequest({
    mosaic: { type: 'stac', url },
    area: { bbox: [0, 0, 1, 1] },
    minzoom: 0,
    maxzoom: 1,
    assets: ['visual'],
    output: folder,
  });
  await keepRequest(path, request);
  expect(await readKeptRequest(path)).toStrictEqual({
    isRedacted,
    request: { ...request, mosaic: { ...request.mosaic, url: kept } },
  });
});
