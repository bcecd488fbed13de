import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openPreviewSource } from '../../../../jobs/preview/open-preview-source.ts';
import { openTileset } from '../../../../jobs/tilesets/open-tileset.ts';
import { configWith, NEVER } from '../../../support/preview-tilesets.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-place-'));
  await writeFile(join(folder, 'file'), 'x');
  // What cannot be looked at, by whoever it may be.
  await symlink('loop', join(folder, 'loop'));
  await symlink('loop.mbtiles', join(folder, 'loop.mbtiles'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe.each([
  ['a tileset', openTileset],
  ['a preview', openPreviewSource],
] as const)('%s', (_, open) => {
  const opening = async (place: string): Promise<unknown> =>
    await open(place, { config: configWith(), cwd: folder, signal: NEVER.signal });

  test.each([
    ['nowhere', /nowhere: found nothing there, expected a folder/],
    ['file/below', /file\/below: found nothing there, expected a folder/],
    ['file', /file: found a file, expected a folder/],
    ['https://example.test/world.mbtiles', /expected MBTiles in a file of this machine/],
    ['file://elsewhere/world.mbtiles', /expected a file: URL of this machine/],
    ['file://elsewhere/world.pmtiles', /expected a file: URL of this machine/],
  ])('in %s is none', async (place, message) => {
    await expect(opening(place)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(message),
    });
  });

  test('that cannot be looked at is not taken for none', async () => {
    await expect(opening('loop')).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
  });
});

test('an MBTiles file that cannot be looked at is not taken for none', async () => {
  const opening = openPreviewSource('loop.mbtiles', { config: configWith(), cwd: folder, signal: NEVER.signal });
  await expect(opening).rejects.toMatchObject({ code: 'STORE_FORBIDDEN' });
});
