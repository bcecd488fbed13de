import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { expect, test } from 'vitest';
import { identifyProcess, isProcessAlive } from '../../src/process-identity.ts';

test('this process lives, and has the identity that it had before', async () => {
  const identity = await identifyProcess();
  expect(identity).toMatchObject({ pid: process.pid, host: hostname() });
  expect(await identifyProcess()).toStrictEqual(identity);
  expect(await isProcessAlive(identity)).toBe(true);
});

test('a process that has ended is dead, though nobody has its number', async () => {
  const child = spawn(process.execPath, ['-e', '']);
  const { pid = 0 } = child;
  await once(child, 'exit');
  expect(await isProcessAlive({ ...(await identifyProcess()), pid })).toBe(false);
});

test.each([
  ['one whose number was given anew', { processStart: '1' }, false],
  ['one of another boot or process namespace', { machine: 'elsewhere pid:[1]' }, null],
  ['one of a machine that is not known', { machine: null }, null],
])('%s', async (_, change, expected) => {
  expect(await isProcessAlive({ ...(await identifyProcess()), ...change })).toBe(expected);
});
