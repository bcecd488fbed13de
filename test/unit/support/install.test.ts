import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { findCommand, installDebianPackages, runWithin } from '../../support/install.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tilewright-install-'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

async function writeProgram(path: string, script: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('findCommand', () => {
  test('takes the first name that is anywhere, from the PATH before other folders', async () => {
    const [path, other] = [join(folder, 'path'), join(folder, 'other')];
    await Promise.all([mkdir(path), mkdir(other)]);
    const second = await writeProgram(join(path, 'second'), '');
    await writeProgram(join(other, 'second'), '');
    vi.stubEnv('PATH', ['', join(folder, 'missing'), path].join(delimiter));
    expect(await findCommand(['first', 'second'], [other])).toBe(second);
    const first = await writeProgram(join(other, 'first'), '');
    expect(await findCommand(['first', 'second'], [other])).toBe(first);
  });

  test('passes by what cannot be run', async () => {
    await mkdir(join(folder, 'a-folder'));
    await writeFile(join(folder, 'a-text'), '');
    vi.stubEnv('PATH', folder);
    expect(await findCommand(['a-folder', 'a-text', 'missing'])).toBeNull();
  });
});

describe('runWithin', () => {
  test('tells what a failing program wrote', async () => {
    const program = await writeProgram(join(folder, 'failing'), 'echo "$1 $GREETING"; echo why >&2; exit 3');
    const outcome = runWithin(60_000, program, ['hello'], { GREETING: 'world' });
    await expect(outcome).rejects.toThrow(/failing hello failed:\nhello world\n\nwhy$/);
  });

  test('ends a program that takes too long', async () => {
    const program = await writeProgram(join(folder, 'endless'), 'exec sleep 1000');
    await expect(runWithin(50, program, [])).rejects.toThrow('did not end within 50 ms');
  });

  test('a missing program is named', async () => {
    await expect(runWithin(60_000, join(folder, 'missing'), [])).rejects.toThrow(/missing.*failed/);
  });
});

describe('installDebianPackages', () => {
  /** Puts an apt-get on the PATH that keeps a log of its calls; the script says how each ends, by the log. */
  async function useApt(script: string): Promise<() => Promise<readonly string[]>> {
    const log = join(folder, 'log');
    const keep = `while [ "$1" != update ] && [ "$1" != install ]; do shift; done; echo "$@" >> ${log}`;
    await writeProgram(join(folder, 'apt-get'), `${keep}\ncalls=$(wc -l < ${log})\n${script}`);
    vi.stubEnv('PATH', [folder, process.env['PATH']].join(delimiter));
    vi.spyOn(process, 'getuid').mockReturnValue(0);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    return async () => (await readFile(log, 'utf8')).trim().split('\n');
  }
  const INSTALL = 'install --yes --no-install-recommends one two';

  test('fetches no lists if it goes without', async () => {
    const calls = await useApt('exit 0');
    await installDebianPackages('one', 'two');
    expect(await calls()).toStrictEqual([INSTALL]);
  });

  test('fetches the lists if it does not, and tries again', async () => {
    const calls = await useApt('[ "$calls" != 1 ] || { echo "E: Unable to locate package one" >&2; exit 100; }');
    await installDebianPackages('one', 'two');
    expect(await calls()).toStrictEqual([INSTALL, 'update', INSTALL]);
  });

  test('waits for a lock', async () => {
    const calls = await useApt('[ "$calls" != 1 ] || { echo "E: Could not get lock /var/lib/dpkg" >&2; exit 100; }');
    await installDebianPackages('one', 'two');
    expect(await calls()).toStrictEqual([INSTALL, INSTALL]);
  });

  test('two at a time come one after the other, and one that fails does not hinder the next', async () => {
    const calls = await useApt('case "$*" in *bad*) echo "E: no such thing" >&2; exit 100;; esac');
    const outcomes = await Promise.allSettled([installDebianPackages('bad'), installDebianPackages('one', 'two')]);
    expect(outcomes.map(({ status }) => status)).toStrictEqual(['rejected', 'fulfilled']);
    const bad = 'install --yes --no-install-recommends bad';
    expect(await calls()).toStrictEqual([bad, 'update', bad, INSTALL]);
  });

  test('says why it cannot', async () => {
    vi.stubEnv('PATH', folder);
    await expect(installDebianPackages('one')).rejects.toThrow('there is no apt-get');
    await useApt('exit 0');
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
    await expect(installDebianPackages('one')).rejects.toThrow('this is not root');
  });
});
