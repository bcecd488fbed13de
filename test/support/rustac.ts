import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

const START_DEADLINE_MS = 30_000;
const VENV = resolve('node_modules/.cache/tilewright/rustac');

const HOW_TO_GET_IT = `rustac, the STAC API of the tests, was not found and could not be installed. Any of these helps:
  - set TILEWRIGHT_TEST_RUSTAC to the path of the program
  - put rustac on the PATH (pip install rustac)
  - install Python 3 with venv (Debian: apt-get install python3-venv), so that it can be installed here`;

/** A real STAC API on loopback. */
export interface Rustac extends AsyncDisposable {
  /** The landing page, without a slash at the end. */
  readonly url: string;
}

/** Starts `rustac serve` over some items, on a free port of the loopback. */
export async function startRustac(items: readonly unknown[]): Promise<Rustac> {
  const command = await findRustac();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-rustac-'));
  const file = join(folder, 'items.json');
  await writeFile(file, JSON.stringify({ type: 'FeatureCollection', features: items }));
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(command, ['serve', file, '--addr', address, '--create-collections'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => output.push(text.toString()));
  const stop = async (): Promise<void> => {
    await stopChild(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilAnswering(`http://${address}/`, child, output);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://${address}`, [Symbol.asyncDispose]: stop };
}

/** The program that TILEWRIGHT_TEST_RUSTAC names, else the one on the PATH, else one that is installed now and kept. */
async function findRustac(): Promise<string> {
  const given = process.env['TILEWRIGHT_TEST_RUSTAC'];
  if (given !== undefined && given !== '') return given;
  const found = await onPath('rustac');
  if (found !== null) return found;
  const installed = join(VENV, 'bin', 'rustac');
  if (await isExecutable(installed)) return installed;
  try {
    await install();
  } catch (error) {
    throw new Error(`${HOW_TO_GET_IT}\n(${String(error).slice(0, 1000)})`, { cause: error });
  }
  return installed;
}

async function install(): Promise<void> {
  const python = await onPath('python3');
  if (python === null) throw new Error('there is no python3 on the PATH');
  process.stderr.write('Installing rustac for the STAC tests (once) …\n');
  await mkdir(VENV, { recursive: true });
  const make = async (): Promise<unknown> => run(python, ['-m', 'venv', VENV], { timeout: 120_000 });
  await make().catch(async (error: unknown) => {
    // Debian's python3 comes without ensurepip.
    if (process.getuid?.() !== 0) throw error;
    await rm(VENV, { recursive: true, force: true });
    await run('apt-get', ['install', '--yes', '--no-install-recommends', 'python3-venv'], { timeout: 300_000 });
    await make();
  });
  await run(join(VENV, 'bin', 'pip'), ['install', '--quiet', 'rustac'], { timeout: 600_000 });
}

async function onPath(name: string): Promise<string | null> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, name)))) return join(folder, name);
  }
  return null;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function untilAnswering(url: string, child: ChildProcess, output: readonly string[]): Promise<void> {
  const errors: string[] = [];
  child.once('error', (error) => errors.push(String(error)));
  for (const deadline = Date.now() + START_DEADLINE_MS; Date.now() < deadline; await sleep(50)) {
    if (errors.length > 0 || child.exitCode !== null) break;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => null);
    await answer?.body?.cancel();
    if (answer !== null) return;
  }
  throw new Error(`rustac at ${url} did not answer: ${errors.join('')}\n${output.join('').slice(-2000)}`);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(timer);
}
