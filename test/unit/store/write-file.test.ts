import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeFileWhole } from '../../../src/store/write-file.ts';

const NEVER = new AbortController().signal;

let folder: string;
let paths: { readonly temporary: string; readonly target: string };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-write-file-'));
  paths = { temporary: join(folder, '.t.tmp'), target: join(folder, 'tile') };
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test.each([0, 1, 3_000_000])('writes %i bytes, in the place of what was there', async (length) => {
  await writeFile(paths.target, 'old and longer than one byte');
  const bytes = Uint8Array.from({ length }, (_, i) => i % 251);
  await writeFileWhole(paths, bytes, NEVER);
  expect((await readFile(paths.target)).equals(bytes)).toBe(true);
  expect(await readdir(folder)).toStrictEqual(['tile']);
});

test('writes the bytes of a view, not those around it', async () => {
  await writeFileWhole(paths, Uint8Array.of(1, 2, 3, 4).subarray(1, 3), NEVER);
  expect([...(await readFile(paths.target))]).toStrictEqual([2, 3]);
});

test('an abort on the way leaves what was there, and nothing else', async () => {
  await writeFile(paths.target, 'old');
  const controller = new AbortController();
  const writing = writeFileWhole(paths, new Uint8Array(100), controller.signal);
  controller.abort();
  await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
  expect(await readFile(paths.target, 'utf8')).toBe('old');
  expect(await readdir(folder)).toStrictEqual(['tile']);
});

test('a missing folder is ENOENT', async () => {
  const missing = { temporary: join(folder, 'a/.t.tmp'), target: join(folder, 'a/tile') };
  await expect(writeFileWhole(missing, new Uint8Array(1), NEVER)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readdir(folder)).toStrictEqual([]);
});

test('what cannot be given its name is removed', async () => {
  await mkdir(paths.target);
  await expect(writeFileWhole(paths, new Uint8Array(1), NEVER)).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await readdir(folder)).toStrictEqual(['tile']);
});

test('a temporary file of somebody else is left as it is', async () => {
  await writeFile(paths.temporary, 'theirs');
  await expect(writeFileWhole(paths, new Uint8Array(1), NEVER)).rejects.toMatchObject({ code: 'EEXIST' });
  expect(await readFile(paths.temporary, 'utf8')).toBe('theirs');
});
