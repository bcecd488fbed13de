import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const TIMEOUT_MS = 3_600_000;

/** Keeps programs to processors; of util-linux. */
const TASKSET = 'taskset';

/** The core that everything is kept to: BENCH_CORE, by default the first. */
const ONE_CORE = process.env['BENCH_CORE'] ?? '0';

/** What a program took and said. */
export interface MeasuredRun {
  readonly wallSeconds: number;
  /** User and system time of the program and of all that it started, in seconds: other load on the machine matters less. */
  readonly cpuSeconds: number;
  readonly stdout: string;
}

export interface MeasuredRunOptions {
  /** As taskset takes them. Default one, so that helper threads count too. */
  readonly cores?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Told once the program runs. */
  readonly onStart?: (pid: number) => void;
}

/**
 * Runs a program to its end on given cores, the first by default.
 *
 * @throws Error with the end of what it wrote, if it fails
 */
export async function runMeasured(
  command: readonly string[],
  { cores = ONE_CORE, env = process.env, input = '', onStart }: MeasuredRunOptions = {},
): Promise<MeasuredRun> {
  const shell = ['-c', cores, 'bash', '-c', 'TIMEFORMAT="%R %U %S"; time "$@"', 'bash', ...command];
  const child = spawn(TASKSET, shell, { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (text: Buffer) => (written.stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (written.stderr = (written.stderr + text.toString()).slice(-20_000)));
  // A program that ends without reading its input breaks the pipe; its exit code says what is wrong.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  if (child.pid !== undefined) onStart?.(child.pid);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0)
    throw new Error(`${command.join(' ').slice(0, 300)} ended with ${code}:\n${written.stderr.slice(-4000)}`);
  const [wall, user, system] = written.stderr.trimEnd().split('\n').at(-1)!.split(' ').map(Number);
  if (wall === undefined || user === undefined || system === undefined) throw new Error('bash printed no times');
  return { wallSeconds: wall, cpuSeconds: user + system, stdout: written.stdout };
}

/** Keeps this process, its threads and all that it starts from now on to some cores, by default the first. */
export async function pinTo(cores: string = ONE_CORE): Promise<void> {
  await promisify(execFile)(TASKSET, ['-a', '-c', '-p', cores, String(process.pid)]);
}

/** The words of an environment variable that says how a program is started; null = it is not set, and that is said. */
export function programOf(variable: string, what: string): readonly string[] | null {
  const words = (process.env[variable] ?? '').split(' ').filter((word) => word !== '');
  if (words.length > 0) return words;
  process.stdout.write(`${variable} is not set: without ${what}\n`);
  return null;
}

/** Prints a Markdown table. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  process.stdout.write(`\n${lines.join('\n')}\n`);
}
