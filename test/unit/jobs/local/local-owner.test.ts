import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { localPlaceOf } from '../../../../jobs/local/local-files.ts';
import type { LocalPlace } from '../../../../jobs/local/local-files.ts';
import { findOwner, refuseIfOwned, takeOwnership } from '../../../../jobs/local/local-owner.ts';
import { freshFolder } from '../../../support/fresh-folder.ts';

const output = freshFolder('tilewright-owner');
let place: LocalPlace;
let path: string;

beforeEach(() => {
  place = localPlaceOf(output.path, 'unused');
  path = join(output.path, '.tilewright', 'owner.json');
});

const take = () => takeOwnership(place, '0123456789abcdef-1', () => {});

async function ownedBefore(change: object, ageMs = 0): Promise<void> {
  const lock = await take();
  const { owner } = lock;
  await lock[Symbol.asyncDispose]();
  await writeFile(path, JSON.stringify({ ...owner, ...change }));
  await utimes(path, new Date(), new Date(Date.now() - ageMs));
}

test('an output has one owner at a time, who is named to the others, and none when it is released', async () => {
  expect(await findOwner(place)).toBeNull();
  {
    await using lock = await take();
    expect(await findOwner(place)).toMatchObject({ isAlive: true, owner: { token: lock.owner.token } });
    await expect(take()).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
      message: expect.stringContaining(`process ${process.pid} on `) as string,
    });
    await expect(refuseIfOwned(place)).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
  }
  expect(await findOwner(place)).toBeNull();
  expect(await readdir(join(output.path, '.tilewright'))).toStrictEqual([]);
});

test('a document that cannot be read when it is released is left alone: it may be of another one', async () => {
  const lock = await take();
  await rm(path);
  // Of no number of links does it ever end.
  await symlink(path, path);
  await lock[Symbol.asyncDispose]();
  expect(await readdir(join(output.path, '.tilewright'))).toStrictEqual(['owner.json']);
});

test('of several that want it at once, one gets it', async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, take));
  const taken = results.filter((result) => result.status === 'fulfilled');
  expect(taken).toHaveLength(1);
  for (const { value } of taken) await value[Symbol.asyncDispose]();
});

describe('what a dead owner left is taken over', () => {
  test.each([
    ['a number that is no process', { pid: 2 ** 30 }],
    ['a number that was given anew', { processStart: '1' }],
  ])('%s', async (_, change) => {
    await ownedBefore(change);
    expect(await findOwner(place)).toMatchObject({ isAlive: false });
    await using lock = await take();
    expect(JSON.parse(await readFile(path, 'utf8'))).toStrictEqual(lock.owner);
  });

  test.each([
    ['another host', { host: 'elsewhere' }],
    ['another boot or process namespace', { machine: 'elsewhere pid:[1]' }],
  ])(
    'on %s, once it was silent for long',
    async (_, change) => {
      await ownedBefore(change, 10_000);
      expect(await findOwner(place)).toMatchObject({ isAlive: true });
      await expect(take()).rejects.toMatchObject({ code: 'STORE_CONFLICT' });
      await utimes(path, new Date(), new Date(Date.now() - 31_000));
      expect(await findOwner(place)).toMatchObject({ isAlive: false });
      await using lock = await take();
      expect(lock.owner.pid).toBe(process.pid);
    },
    10_000,
  );

  test('a document that is none, such as a crash leaves', async () => {
    await mkdir(join(output.path, '.tilewright'));
    await writeFile(path, '');
    await expect(take()).rejects.toMatchObject({
      code: 'STORE_CONFLICT',
      message: expect.stringContaining('another process') as string,
    });
    await utimes(path, new Date(), new Date(Date.now() - 31_000));
    await (await take())[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(false);
  });

  test('the mutex of one that was killed as it took the output', async () => {
    await mkdir(join(output.path, '.tilewright'));
    await writeFile(`${path}.mutex`, '');
    await utimes(`${path}.mutex`, new Date(), new Date(Date.now() - 6_000));
    await (await take())[Symbol.asyncDispose]();
    expect(await readdir(join(output.path, '.tilewright'))).toStrictEqual([]);
  });
});

test('nothing is released that somebody else has taken', async () => {
  const lock = await take();
  const other = { ...lock.owner, token: '6f1d7b4e-4a0f-4a52-9d0e-6d6d3b1d1c11' };
  await writeFile(path, JSON.stringify(other));
  await lock[Symbol.asyncDispose]();
  expect(JSON.parse(await readFile(path, 'utf8'))).toStrictEqual(other);
});
