import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { systemCodeOf } from './errors.ts';

/** One process and no other, as far as its system tells them apart. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Boot and process namespace: where they are the same, a process number means the same; null = not known. */
  readonly machine: string | null;
  /** When the process started, in ticks of the system, so that a number given anew is told apart; null = not known. */
  readonly processStart: string | null;
}

/** The identity of this process. */
export async function identifyProcess(): Promise<ProcessIdentity> {
  const { pid } = process;
  const [machine, processStart] = await Promise.all([machineId(), processStartOf(pid)]);
  return { pid, host: hostname(), machine, processStart };
}

/**
 * Whether a process lives; null = it cannot be told from here, as it ran on another machine, or its number may belong to
 * another one by now.
 *
 * @throws errors of the file system, if a process of this machine cannot be looked at
 */
export async function isProcessAlive({ pid, host, machine, processStart }: ProcessIdentity): Promise<boolean | null> {
  const here = await machineId();
  if (machine !== here) return null;
  if (machine === null) return host === hostname() && signalFailureOf(pid) === 'ESRCH' ? false : null;
  const start = await processStartOf(pid);
  if (start !== null) return start === processStart;
  // Where processes of other users are hidden, theirs have no place in /proc.
  return signalFailureOf(pid) === 'EPERM' ? null : false;
}

/** What two processes must have in common for their numbers to mean the same; null where it is not told. */
async function machineId(): Promise<string | null> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    // Whatever the reason: what is not known is asked of the clock, and of nothing else.
    return null;
  }
}

/** When a process started, from /proc; null if it is not there, or dead and not yet reaped. */
async function processStartOf(pid: number): Promise<string | null> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch((error: unknown) => {
    // The second is of a process that ended as it was read.
    if (['ENOENT', 'ESRCH'].includes(systemCodeOf(error) ?? '')) return '';
    throw error;
  });
  // The second field, the name of the program, is in parentheses and may hold anything.
  const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? null : (fields[18] ?? null);
}

/** Why a signal could not be sent to a number: `ESRCH` = there is no such process, `EPERM` = it is of another user; null = it could. */
function signalFailureOf(pid: number): string | null {
  try {
    process.kill(pid, 0);
    return null;
  } catch (error) {
    return systemCodeOf(error);
  }
}
