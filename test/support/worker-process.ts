import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT_FOLDER } from './build.ts';
import { until } from './processes.ts';

/** A worker process on its own, as `tilewright worker` runs one for each core, without the parent that starts it again. */
export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly isGone: () => boolean;
  /** Exit code; null if a signal ended it. */
  readonly exited: Promise<number | null>;
  /** What it logged so far, one JSON object a line: the last megabytes of it. */
  readonly log: () => string;
  /** Resolves when it takes jobs. */
  ready(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

const KEPT_CHARACTERS = 2 ** 21;

/** How a worker process is started; by default the built one. */
export interface WorkerProgram {
  readonly env: Readonly<Record<string, string>>;
  readonly entry?: string;
  /** Of Node. */
  readonly flags?: readonly string[];
}

/** Starts a worker process. Variables of this process that would configure it are left out. */
export function startWorkerProcess({
  env,
  entry = join(PROJECT_FOLDER, 'dist', 'workers', 'main.js'),
  flags = [],
}: WorkerProgram): WorkerProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(TILEWRIGHT_|REDIS_URL$)/.test(name));
  const child = spawn(process.execPath, [...flags, entry], {
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr.on('data', (text: Buffer) => {
    log += text.toString();
    if (log.length > 2 * KEPT_CHARACTERS) log = log.slice(-KEPT_CHARACTERS);
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('A worker process could not be started');
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    pid,
    exited,
    isGone,
    log: () => log,
    async ready() {
      await until(`the worker process ${pid} to be ready`, () => {
        if (isGone()) throw new Error(`A worker process ended before it was ready. It wrote:\n${log.slice(-4000)}`);
        return log.includes('"worker ready"');
      });
    },
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
