import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's folder. */
export const PROJECT_FOLDER = fileURLToPath(new URL('../..', import.meta.url));

/** The built command line, which `npx tilewright` starts. */
export const CLI_PATH = join(PROJECT_FOLDER, 'dist', 'jobs', 'cli.js');

const SOURCES = ['src', 'jobs', 'workers', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'bundle.mjs'];
/** A cold build takes about two seconds on one core. */
const BUILD_TIMEOUT_MS = 120_000;

/** The newest modification beneath a file or folder, in milliseconds. */
async function newestMtimeMs(path: string): Promise<number> {
  const info = await stat(path);
  if (!info.isDirectory()) return info.mtimeMs;
  const inside = await Promise.all((await readdir(path)).map((name) => newestMtimeMs(join(path, name))));
  return Math.max(info.mtimeMs, ...inside);
}

/** True if `dist` is there and no source is newer than it. */
async function isBuilt(): Promise<boolean> {
  const builtAt = await stat(CLI_PATH).then(
    (info) => info.mtimeMs,
    () => null,
  );
  if (builtAt === null) return false;
  const sources = await Promise.all(SOURCES.map((name) => newestMtimeMs(join(PROJECT_FOLDER, name))));
  return Math.max(...sources) <= builtAt;
}

/**
 * Builds `dist` unless it is newer than every source, so that the command line can be started as its users start it.
 * A type error is the business of `npm run check`: it is passed on to stderr, and what was emitted is used.
 *
 * @throws Error with the compiler's output if nothing was emitted
 */
export async function ensureBuilt(): Promise<void> {
  if (await isBuilt()) return;
  const child = spawn('npm', ['run', 'build'], {
    cwd: PROJECT_FOLDER,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: BUILD_TIMEOUT_MS,
  });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code === 0) return;
  const report = `npm run build ended with ${code}:\n${Buffer.concat(output).toString('utf8')}`;
  if (!(await isBuilt())) throw new Error(report);
  process.stderr.write(report);
}
