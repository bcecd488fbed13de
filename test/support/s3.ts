import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { findCommand, installFromPypi, PROGRAMS_FOLDER, runWithin, tell } from './install.ts';
import { answersHttp, freePort, startServer } from './server-process.ts';

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
const BUILD_TIMEOUT_MS = 600_000;

/** The versions that are got where there is no server; any other that is there will do. */
const VERSITYGW = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const MOTO = 'moto[server]==5.2.5';

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
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    const server = await startServer({
      name: `The S3 server at ${endpoint}`,
      command: program.command,
      args: program.args(port, folder),
      env: program.env,
      isAnswering: () => answersHttp(endpoint),
    });
    const keys = { accessKey: ACCESS_KEY, secretKey: SECRET_KEY, checksSecrets: program.checksSecrets };
    return serverAt(endpoint, keys, async () => {
      await server[Symbol.asyncDispose]();
      await removeFolder();
    });
  } catch (error) {
    await removeFolder();
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
  const goFolder = join(homedir(), 'go', 'bin');
  const versity = await findCommand(['versitygw'], [goFolder, PROGRAMS_FOLDER]);
  if (versity !== null) return versityProgram(versity);
  const minio = await findCommand(['minio'], [goFolder]);
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
  // moto does not check secrets, but it keeps what it is given; better than nothing where there is no Go.
  const moto = await installFromPypi(MOTO, 'moto_server').catch((error: unknown) => {
    throw new Error(`${HOW_TO_GET_ONE}\n(${String(error)})`, { cause: error });
  });
  const args = (port: number): readonly string[] => ['-H', '127.0.0.1', '-p', String(port)];
  return { command: moto, args, env: {}, checksSecrets: false };
}

function versityProgram(command: string): Program {
  return {
    command,
    // Connections stay open, as those of S3 do.
    args: (port, folder) => ['--keep-alive', '--port', `127.0.0.1:${port}`, 'posix', folder],
    env: { ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY },
    checksSecrets: true,
  };
}

async function buildVersity(): Promise<string | null> {
  const go = await findCommand(['go'], ['/usr/local/go/bin']);
  if (go === null) return null;
  await mkdir(PROGRAMS_FOLDER, { recursive: true });
  tell('Building versitygw for the S3 tests (about a minute, once) …');
  try {
    await runWithin(BUILD_TIMEOUT_MS, go, ['install', VERSITYGW], { GOBIN: PROGRAMS_FOLDER });
    return join(PROGRAMS_FOLDER, 'versitygw');
  } catch (error) {
    tell(String(error));
    return null;
  }
}
