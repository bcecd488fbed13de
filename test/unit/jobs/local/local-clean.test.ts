import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { cleanLocalRuns } from '../../../../jobs/local/local-clean.ts';
import { localPathsOf, localPlaceOf } from '../../../../jobs/local/local-files.ts';
import type { LocalPaths, LocalPlace } from '../../../../jobs/local/local-files.ts';
import { parseConfig } from '../../../../src/config.ts';
import { freshFolder } from '../../../support/fresh-folder.ts';

const OPTIONS = { config: parseConfig({}), olderThanMs: 0 };
const RUN = '0123456789abcdef-1';

const output = freshFolder('tilewright-clean');
let place: LocalPlace;
let paths: LocalPaths;

beforeEach(async () => {
  place = localPlaceOf(output.path, 'unused');
  paths = localPathsOf(place, RUN);
  await mkdir(place.folder);
  await writeFile(paths.journal, '');
});

test('a run with a damaged status is as old as its files, and forgotten', async () => {
  await writeFile(paths.status, '{"v":1,');
  expect(await cleanLocalRuns(place, OPTIONS)).toStrictEqual([RUN]);
  expect(await readdir(output.path)).toStrictEqual([]);
});

test('a run whose status cannot be read is not forgotten, which is said', async () => {
  // Of no number of links does it ever end.
  await symlink(paths.status, paths.status);
  await expect(cleanLocalRuns(place, OPTIONS)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(await readdir(place.folder)).toHaveLength(2);
});

test('where the manifest cannot be read, parts stay: an update may need them', async () => {
  const part = join(place.folder, 'parts', '1');
  await mkdir(part, { recursive: true });
  await writeFile(join(part, 'part'), 'x');
  await writeFile(join(output.path, 'tilewright.json'), '{');
  await expect(cleanLocalRuns(place, OPTIONS)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
  expect(await readdir(part)).toStrictEqual(['part']);
});
