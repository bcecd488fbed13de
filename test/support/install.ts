import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { PROJECT_FOLDER } from './build.ts';

const run = promisify(execFile);

/** Programs that the tests install for themselves, kept until `node_modules` goes. */
export const PROGRAMS_FOLDER = join(PROJECT_FOLDER, 'node_modules', '.cache', 'tilewright');

/** The longest that a hook may take which starts servers that may have to be installed first, or even built. */
export const INSTALL_TIMEOUT_MS = 1_200_000;

const APT_TIMEOUT_MS = 600_000;
const PIP_TIMEOUT_MS = 600_000;
const VENV_TIMEOUT_MS = 120_000;
/** An installation prints far more than the mebibyte that Node keeps by default before it kills the program. */
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

/** How much of what a failed program wrote goes into an error: its end, where the cause is. */
const SHOWN_CHARACTERS = 1500;

/** The first of some programs that is on the PATH or in one of the other folders, by its path; null if none is. */
export async function findCommand(
  names: readonly string[],
  otherFolders: readonly string[] = [],
): Promise<string | null> {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...otherFolders].filter((folder) => folder !== '');
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (await isProgram(path)) return path;
    }
  }
  return null;
}

async function isProgram(path: string): Promise<boolean> {
  const isExecutable = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
  return isExecutable && (await stat(path)).isFile();
}

/** What `execFile` rejects with. */
interface ProgramFailure extends Error {
  readonly stdout?: string;
  readonly stderr?: string;
  /** True if the time limit ended it. */
  readonly killed?: boolean;
}

/**
 * Runs a program to its end.
 *
 * @throws Error with the end of what it wrote, if it fails, cannot be started, or takes longer than the limit
 */
export async function runWithin(
  limitMs: number,
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const options = { env: { ...process.env, ...env }, timeout: limitMs, maxBuffer: MAX_OUTPUT_BYTES };
  try {
    await run(command, args, options);
  } catch (error) {
    const { stdout = '', stderr = '', killed = false } = error as ProgramFailure;
    const output = `${stdout}\n${stderr}`.trim();
    const ending = killed ? `did not end within ${limitMs} ms` : 'failed';
    const shown = output === '' ? String(error) : output.slice(-SHOWN_CHARACTERS);
    throw new Error(`${command} ${args.join(' ')} ${ending}:\n${shown}`, { cause: error });
  }
}

/** apt's list lock waits for nobody, so one installation of a process comes after the other. */
let lastInstallation: Promise<void> = Promise.resolve();

/**
 * Installs packages where that is possible: as root on Debian and what descends from it. The lists of packages are
 * fetched only if it fails without, as it does on a machine that has none yet or old ones.
 *
 * @throws Error saying why it is not possible, or what apt-get said
 */
export async function installDebianPackages(...packages: readonly string[]): Promise<void> {
  // Queued before anything is awaited, so that the order is that of the calls.
  lastInstallation = lastInstallation.catch(() => {}).then(() => install(packages));
  await lastInstallation;
}

async function install(packages: readonly string[]): Promise<void> {
  const aptGet = await findCommand(['apt-get']);
  if (aptGet === null) throw new Error(`${packages.join(', ')} cannot be installed here: there is no apt-get`);
  if (process.getuid?.() !== 0) throw new Error(`${packages.join(', ')} cannot be installed here: this is not root`);
  tell(`Installing ${packages.join(', ')} for the tests (once) …`);
  const args = ['install', '--yes', '--no-install-recommends', ...packages];
  await runApt(aptGet, args).catch(async () => {
    await runApt(aptGet, ['update']);
    await runApt(aptGet, args);
  });
}

/** Runs apt-get, again and again while another apt-get, such as that of the machine's own updates, has a lock. */
async function runApt(aptGet: string, args: readonly string[]): Promise<void> {
  const deadline = performance.now() + APT_TIMEOUT_MS;
  const env = { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
  for (;;) {
    const leftMs = Math.max(1, Math.round(deadline - performance.now()));
    const waiting = `DPkg::Lock::Timeout=${Math.ceil(leftMs / 1000)}`;
    try {
      return await runWithin(leftMs, aptGet, ['-qq', '-o', waiting, ...args], env);
    } catch (error) {
      if (!String(error).includes('Could not get lock') || performance.now() > deadline) throw error;
      await sleep(1000);
    }
  }
}

/**
 * A program of a Python package, installed in a virtual environment of its own unless it is there already. Python is
 * installed too where it, or its `venv`, is missing and that is possible.
 *
 * @param requirement - what pip is asked for, such as `moto[server]==5.2.5`
 * @returns the program's path
 * @throws Error saying what failed
 */
export async function installFromPypi(requirement: string, program: string): Promise<string> {
  const folder = join(PROGRAMS_FOLDER, requirement.replaceAll(/[^\w.]+/g, '-'));
  const installed = join(folder, 'bin', program);
  if (await isProgram(installed)) return installed;
  tell(`Installing ${requirement} for the tests (once) …`);
  await mkdir(dirname(folder), { recursive: true });
  // --clear, because an installation that was killed leaves half of one.
  const create = ['-m', 'venv', '--clear', folder];
  const python = await findCommand(['python3']);
  const isCreated =
    python !== null &&
    (await runWithin(VENV_TIMEOUT_MS, python, create).then(
      () => true,
      () => false,
    ));
  if (!isCreated) {
    // Debian's python3 comes without what venv needs. The python3 of the PATH may not be Debian's.
    await installDebianPackages('python3', 'python3-venv');
    await runWithin(VENV_TIMEOUT_MS, '/usr/bin/python3', create);
  }
  await runWithin(PIP_TIMEOUT_MS, join(folder, 'bin', 'pip'), ['install', '--quiet', requirement]);
  if (!(await isProgram(installed))) throw new Error(`${requirement} was installed, but has no program ${program}`);
  return installed;
}

/** One line to whoever waits. */
export function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
