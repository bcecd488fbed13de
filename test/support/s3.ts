import { spawn, execFile } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const run = promisify(execFile);

/** A real S3 server on loopback, and how to reach it. */
export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  /** The variables with which the AWS SDK's own chain finds the server. */
  readonly env: Readonly<Record<string, string>>;
  /** False for the one server that takes any secret: moto, where nothing better can be had. */
  readonly checksSecrets: boolean;
  createBucket(name: string): Promise<void>;
}

const ACCESS_KEY = 'tilewright-test';
const SECRET_KEY = 'tilewright-test-secret';
const START_DEADLINE_MS = 60_000;
const CACHE = resolve('node_modules/.cache/tilewright');

const HOW_TO_GET_ONE = `No S3 server for the tests was found, and none could be installed. Any of these helps:
  - set TILEWRIGHT_TEST_S3 to the endpoint of a running one, with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
  - put versitygw or minio on the PATH
  - install Go, so that versitygw can be built
  - install Python 3 with venv (Debian: apt-get install python3-venv), so that moto can be installed`;

/** How one kind of server starts on a port with its data in a folder. */
interface Program {
  readonly command: string;
  readonly args: (port: number, folder: string) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly checksSecrets: boolean;
}

/** Starts an S3 server that checks signatures as S3 does, or takes the one that TILEWRIGHT_TEST_S3 names. */
export async function startS3(): Promise<S3Server> {
  const given = process.env['TILEWRIGHT_TEST_S3'];
  if (given !== undefined && given !== '') {
    const accessKey = process.env['AWS_ACCESS_KEY_ID'] ?? ACCESS_KEY;
    const secretKey = process.env['AWS_SECRET_ACCESS_KEY'] ?? SECRET_KEY;
    return serverAt(given, { accessKey, secretKey, checksSecrets: true }, async () => {});
  }
  const program = await findProgram();
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-s3-'));
  const port = await freePort();
  const child = spawn(program.command, program.args(port, folder), {
    env: { ...process.env, ...program.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => output.push(text.toString()));
  const stop = async (): Promise<void> => {
    await stopChild(child);
    await rm(folder, { recursive: true, force: true });
  };
  const server = serverAt(
    `http://127.0.0.1:${port}`,
    { accessKey: ACCESS_KEY, secretKey: SECRET_KEY, checksSecrets: program.checksSecrets },
    stop,
  );
  try {
    await untilAnswering(server.endpoint, child, output);
    return server;
  } catch (error) {
    await stop();
    throw error;
  }
}

interface ServerKeys {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly checksSecrets: boolean;
}

function serverAt(endpoint: string, keys: ServerKeys, stop: () => Promise<void>): S3Server {
  const { accessKey, secretKey, checksSecrets } = keys;
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  return {
    endpoint,
    checksSecrets,
    env: {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
    },
    async createBucket(name) {
      const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
      try {
        await client.send(new CreateBucketCommand({ Bucket: name }));
      } finally {
        client.destroy();
      }
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function findProgram(): Promise<Program> {
  const versity = await findCommand('versitygw', [join(homedir(), 'go', 'bin'), CACHE]);
  if (versity !== null) return versityProgram(versity);
  const minio = await findCommand('minio', [join(homedir(), 'go', 'bin')]);
  if (minio !== null) {
    return {
      command: minio,
      args: (port, folder) => ['server', '--quiet', '--address', `127.0.0.1:${port}`, folder],
      env: { MINIO_ROOT_USER: ACCESS_KEY, MINIO_ROOT_PASSWORD: SECRET_KEY },
      checksSecrets: true,
    };
  }
  const built = await buildVersity();
  if (built !== null) return versityProgram(built);
  const moto = await installMoto();
  if (moto !== null) {
    const args = (port: number): readonly string[] => ['-H', '127.0.0.1', '-p', String(port)];
    return { command: moto, args, env: {}, checksSecrets: false };
  }
  throw new Error(HOW_TO_GET_ONE);
}

function versityProgram(command: string): Program {
  return {
    command,
    args: (port, folder) => ['--port', `127.0.0.1:${port}`, 'posix', folder],
    env: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY },
    checksSecrets: true,
  };
}

async function buildVersity(): Promise<string | null> {
  const go = await findCommand('go', ['/usr/local/go/bin']);
  if (go === null) return null;
  await mkdir(CACHE, { recursive: true });
  process.stderr.write('Building versitygw for the S3 tests (about a minute, once) …\n');
  try {
    const env = { ...process.env, GOBIN: CACHE };
    await run(go, ['install', 'github.com/versity/versitygw/cmd/versitygw@latest'], { env, timeout: 600_000 });
    return join(CACHE, 'versitygw');
  } catch (error) {
    process.stderr.write(`Building versitygw failed: ${String(error).slice(0, 500)}\n`);
    return null;
  }
}

/** moto does not check secrets, but it keeps what it is given; better than nothing where there is no Go. */
async function installMoto(): Promise<string | null> {
  const folder = join(CACHE, 'moto');
  const server = join(folder, 'bin', 'moto_server');
  if (await isExecutable(server)) return server;
  const python = await findCommand('python3', []);
  if (python === null) return null;
  process.stderr.write('Installing moto for the S3 tests (once) …\n');
  const install = async (): Promise<string> => {
    await run(python, ['-m', 'venv', folder], { timeout: 120_000 });
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', 'moto[server]'], { timeout: 600_000 });
    return server;
  };
  try {
    return await install().catch(async () => {
      await rm(folder, { recursive: true, force: true });
      if (process.getuid?.() !== 0) throw new Error('python3-venv is missing and this is not root');
      await run('apt-get', ['install', '--yes', '--no-install-recommends', 'python3-venv'], { timeout: 300_000 });
      return await install();
    });
  } catch (error) {
    process.stderr.write(`Installing moto failed: ${String(error).slice(0, 500)}\n`);
    return null;
  }
}

/** Finds a program on the PATH or in one of the other folders. */
export async function findCommand(name: string, otherFolders: readonly string[]): Promise<string | null> {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...otherFolders]) {
    const path = join(folder, name);
    if (folder !== '' && (await isExecutable(path))) return path;
  }
  return null;
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
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

async function untilAnswering(endpoint: string, child: ChildProcess, output: readonly string[]): Promise<void> {
  const deadline = Date.now() + START_DEADLINE_MS;
  const failure: string[] = [];
  child.once('error', (error) => failure.push(error.message));
  while (Date.now() < deadline) {
    if (failure.length > 0 || child.exitCode !== null) break;
    const answer = await fetch(endpoint, { signal: AbortSignal.timeout(2000) }).catch(() => null);
    await answer?.body?.cancel();
    if (answer !== null) return;
    await sleep(50);
  }
  throw new Error(`The S3 server at ${endpoint} did not answer: ${failure.join('')}\n${output.join('').slice(-2000)}`);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await exited;
  clearTimeout(timer);
}
