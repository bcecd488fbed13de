import { spawn } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CLI_PATH } from './build.ts';

const DEADLINE_MS = 120_000;

/** What a process wrote and how it ended. */
export interface Finished {
  /** Null if a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process under way. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly finished: Promise<Finished>;
  /** All that it wrote to standard output so far. */
  stdout(): string;
  /** All that it wrote to standard error so far. */
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Starts the built command line. Variables of this process that would configure it are left out. */
export function startCli(args: readonly string[], { env = {}, cwd }: CliOptions = {}): Running {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(TILEWRIGHT_|REDIS_URL$)/.test(name));
  const child = spawn(process.execPath, [CLI_PATH, ...args], {
    env: { ...Object.fromEntries(inherited), ...env },
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (written.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (written.stderr += text.toString()));
  const finished = new Promise<Finished>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, ...written }));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('The command line could not be started');
  return {
    pid,
    finished,
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await finished;
    },
  };
}

/** Runs the built command line to its end. */
export async function runCli(args: readonly string[], options?: CliOptions): Promise<Finished> {
  await using running = startCli(args, options);
  return await running.finished;
}

/** Throws unless a process ended with this exit code; says what it wrote. */
export function assertExit({ code, stderr }: Pick<Finished, 'code' | 'stderr'>, expected: number): void {
  if (code !== expected)
    throw new Error(`It ended with ${code}, expected ${expected}. It wrote:\n${stderr.slice(-4000)}`);
}

/** Waits until a condition gives something else than null or false. */
export async function until<T>(what: string, look: () => T | null | false | Promise<T | null | false>): Promise<T> {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`Waited ${DEADLINE_MS} ms for: ${what}`);
    await sleep(10);
  }
}

/** The processes that a process has started and that live, from /proc. */
export async function childrenOf(pid: number): Promise<readonly number[]> {
  const tasks = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8').catch(() => '')),
  );
  return lists.flatMap((list) => list.split(' ').filter((part) => part.trim() !== '')).map(Number);
}

/** True while a process is there and is no zombie. */
export async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return status !== null && !/^\d+ \(.*\) [ZX]/.test(status);
}
