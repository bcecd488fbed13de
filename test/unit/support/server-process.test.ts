import { expect, test } from 'vitest';
import { answersHttp, freePort, startAll, startServer } from '../../support/server-process.ts';
import type { ServerProgram } from '../../support/server-process.ts';

const NAME = 'the server of this test';

/** A server that is a line of JavaScript with `port` in it. */
async function program(script: string): Promise<ServerProgram & { readonly url: string }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const args = ['--eval', script, String(port)];
  return { name: NAME, command: process.execPath, args, url, isAnswering: () => answersHttp(url) };
}

const LISTEN = "require('http').createServer((_, response) => response.end()).listen(process.argv[1], '127.0.0.1')";

test('a server answers once it is started, and not any more once it is disposed of', async () => {
  const { url, ...server } = await program(LISTEN);
  const started = await startServer(server);
  expect(await answersHttp(url)).toBe(true);
  await started[Symbol.asyncDispose]();
  expect(await answersHttp(url)).toBe(false);
});

test('a server that is killed may be disposed of', async () => {
  const { url, ...server } = await program(`process.on('SIGTERM', () => {}); ${LISTEN}`);
  await using started = await startServer(server);
  await started.stop('SIGKILL');
  expect(await answersHttp(url)).toBe(false);
});

test('a server that ends at once is an error with what it wrote', async () => {
  const server = await program("console.error('no licence'); process.exitCode = 7");
  await expect(startServer(server)).rejects.toThrow(/^the server of this test ended with 7.*\nno licence/);
});

test('a program that is not there is an error', async () => {
  const server = { ...(await program('')), command: '/missing/program' };
  await expect(startServer(server)).rejects.toThrow(/could not be started.*ENOENT/);
});

test('if one of several does not start, the others are disposed of', async () => {
  const disposed: string[] = [];
  const resource = (name: string): AsyncDisposable => ({
    [Symbol.asyncDispose]: async () => Promise.resolve(void disposed.push(name)),
  });
  const first = Promise.resolve(resource('first'));
  const last = new Promise<AsyncDisposable>((resolve) => setImmediate(() => resolve(resource('last'))));
  const started = await startAll(first, last);
  expect(started).toStrictEqual([await first, await last]);
  await expect(startAll(first, Promise.reject(new Error('no port')), last)).rejects.toThrow('no port');
  expect(disposed).toStrictEqual(['first', 'last']);
});
