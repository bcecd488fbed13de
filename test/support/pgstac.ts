import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findCommand, installDebianPackages, installFromPypi, runWithin } from './install.ts';
import { answersHttp, freePort, startServer } from './server-process.ts';
import type { ServerProcess } from './server-process.ts';

/** Versions that are installed where there are none; others that are there will do. */
const API_REQUIREMENT = 'stac-fastapi-pgstac[server]==7.2.0';
const SCHEMA_REQUIREMENT = 'pypgstac[psycopg]==0.10.0';
const DEBIAN_PACKAGES = ['postgresql-15', 'postgresql-15-postgis-3'];

const HOW_TO_GET_IT = `stac-fastapi-pgstac was not found and could not be installed. It needs:
  - PostgreSQL with PostGIS; TILEWRIGHT_TEST_POSTGRES is the folder of initdb and postgres
  - pip install '${API_REQUIREMENT}' '${SCHEMA_REQUIREMENT}'; TILEWRIGHT_TEST_PGSTAC is the folder of uvicorn and pypgstac`;

const PREPARE_TIMEOUT_MS = 120_000;

/** A STAC API with transactions, on PostgreSQL: both may be killed and started again on the same ports. */
export interface PgStac extends AsyncDisposable {
  /** The landing page, without a slash at the end. */
  readonly url: string;
  /** SIGKILL. */
  killApi(): Promise<void>;
  startApi(): Promise<void>;
  /** Ended as in a power cut, and what was committed stays. */
  killDatabase(): Promise<void>;
  startDatabase(): Promise<void>;
  /** Adds a collection. */
  addCollection(collection: object): Promise<void>;
  /** Adds an item, or replaces that of the same ID. */
  putItem(collection: string, item: { readonly id: string }): Promise<void>;
  removeItem(collection: string, id: string): Promise<void>;
}

/** Starts an API without collections, on free ports of the loopback. */
export async function startPgStac(): Promise<PgStac> {
  const { postgres, programs } = await findPrograms();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-pgstac-'));
  const [databasePort, apiPort] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${apiPort}`;
  const login = { PGHOST: '127.0.0.1', PGPORT: String(databasePort), PGUSER: 'postgres', PGPASSWORD: 'none' };
  const running: { api: ServerProcess | null; database: ServerProcess | null } = { api: null, database: null };
  const api = {
    name: `stac-fastapi-pgstac at ${url}`,
    command: programs.uvicorn,
    args: ['--factory', 'stac_fastapi.pgstac.app:create_app', '--host', '127.0.0.1', '--port', String(apiPort)],
    env: { ...login, PGDATABASE: 'postgres', ENABLE_TRANSACTIONS_EXTENSIONS: 'TRUE' },
    isAnswering: () => answersHttp(`${url}/`),
  };
  const data = join(folder, 'data');
  const database = {
    name: `PostgreSQL at port ${databasePort}`,
    ...asPostgres(join(postgres, 'postgres'), '-D', data, '-p', String(databasePort), '-h', '127.0.0.1', '-k', ''),
    isAnswering: () => succeeds(join(postgres, 'pg_isready'), '-h', '127.0.0.1', '-p', String(databasePort)),
  };
  const startDatabase = async (): Promise<void> => void (running.database = await startServer(database));
  const startApi = async (): Promise<void> => void (running.api = await startServer(api));
  const killApi = async (): Promise<void> => await running.api?.stop('SIGKILL');
  const killDatabase = async (): Promise<void> => await running.database?.stop('SIGQUIT');
  const stop = async (): Promise<void> => {
    await killApi();
    await killDatabase();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    if (isRoot()) await runWithin(PREPARE_TIMEOUT_MS, 'chown', ['postgres', folder]);
    const init = asPostgres(join(postgres, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8');
    await runWithin(PREPARE_TIMEOUT_MS, init.command, init.args);
    await startDatabase();
    await runWithin(PREPARE_TIMEOUT_MS, programs.pypgstac, ['migrate'], { ...login, PGDATABASE: 'postgres' });
    await startApi();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    killApi,
    startApi,
    killDatabase,
    startDatabase,
    addCollection: (collection) => send('POST', `${url}/collections`, collection),
    async putItem(collection, item) {
      const items = `${url}/collections/${collection}/items`;
      const known = await fetch(`${items}/${item.id}`);
      await known.body?.cancel();
      await send(known.ok ? 'PUT' : 'POST', known.ok ? `${items}/${item.id}` : items, item);
    },
    removeItem: (collection, id) => send('DELETE', `${url}/collections/${collection}/items/${id}`),
    [Symbol.asyncDispose]: stop,
  };
}

async function send(method: string, url: string, body?: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text.slice(0, 500)}`);
}

interface Programs {
  /** Folder of those of PostgreSQL. */
  readonly postgres: string;
  readonly programs: { readonly uvicorn: string; readonly pypgstac: string };
}

async function findPrograms(): Promise<Programs> {
  try {
    const folder = process.env['TILEWRIGHT_TEST_PGSTAC'] ?? '';
    const uvicorn = folder === '' ? await installFromPypi(API_REQUIREMENT, 'uvicorn') : join(folder, 'uvicorn');
    const pypgstac = folder === '' ? await installFromPypi(SCHEMA_REQUIREMENT, 'pypgstac') : join(folder, 'pypgstac');
    return { postgres: await findPostgres(), programs: { uvicorn, pypgstac } };
  } catch (error) {
    throw new Error(`${HOW_TO_GET_IT}\n(${String(error)})`, { cause: error });
  }
}

async function findPostgres(): Promise<string> {
  const given = process.env['TILEWRIGHT_TEST_POSTGRES'] ?? '';
  if (given !== '') return given;
  const found = await findCommand(['initdb'], await debianFolders());
  // A link to it may lie alone.
  if (found !== null) return dirname(await realpath(found));
  await installDebianPackages(...DEBIAN_PACKAGES);
  const [installed = ''] = await debianFolders();
  return installed;
}

/** Where Debian puts the programs of PostgreSQL, which are not on the PATH; newest first. */
async function debianFolders(): Promise<readonly string[]> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  return versions.toSorted((a, b) => Number(b) - Number(a)).map((version) => join(root, version, 'bin'));
}

/** PostgreSQL does not run as root. */
function asPostgres(...words: readonly [string, ...string[]]): { readonly command: string; readonly args: string[] } {
  const [command, ...args] = words;
  if (!isRoot()) return { command, args };
  return { command: 'setpriv', args: ['--reuid=postgres', '--regid=postgres', '--init-groups', ...words] };
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

async function succeeds(command: string, ...args: readonly string[]): Promise<boolean> {
  return await runWithin(5_000, command, args).then(
    () => true,
    () => false,
  );
}
