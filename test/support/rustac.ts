import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand, installFromPypi } from './install.ts';
import { answersHttp, freePort, startServer } from './server-process.ts';

/** The version that is installed where there is none; any other that is there will do. */
const REQUIREMENT = 'rustac==0.9.18';

const HOW_TO_GET_IT = `rustac, the STAC API of the tests, was not found and could not be installed. Any of these helps:
  - set TILEWRIGHT_TEST_RUSTAC to the path of the program
  - put rustac on the PATH (pip install rustac)
  - install Python 3.11 or later with venv (Debian: apt-get install python3-venv), so that it can be installed here`;

/** A real STAC API on loopback. */
export interface Rustac extends AsyncDisposable {
  /** The landing page, without a slash at the end. */
  readonly url: string;
}

/** Starts `rustac serve` over some items, on a free port of the loopback. */
export async function startRustac(items: readonly unknown[]): Promise<Rustac> {
  const command = await findRustac();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-rustac-'));
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const file = join(folder, 'items.json');
  await writeFile(file, JSON.stringify({ type: 'FeatureCollection', features: items }));
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  try {
    const server = await startServer({
      name: `rustac at ${url}`,
      command,
      args: ['serve', file, '--addr', address, '--create-collections'],
      isAnswering: () => answersHttp(`${url}/`),
    });
    const stop = async (): Promise<void> => {
      await server[Symbol.asyncDispose]();
      await removeFolder();
    };
    return { url, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await removeFolder();
    throw error;
  }
}

/** The program that TILEWRIGHT_TEST_RUSTAC names, else the one on the PATH, else one that is installed now and kept. */
async function findRustac(): Promise<string> {
  const given = process.env['TILEWRIGHT_TEST_RUSTAC'];
  if (given !== undefined && given !== '') return given;
  const found = await findCommand(['rustac']);
  if (found !== null) return found;
  try {
    return await installFromPypi(REQUIREMENT, 'rustac');
  } catch (error) {
    throw new Error(`${HOW_TO_GET_IT}\n(${String(error)})`, { cause: error });
  }
}
