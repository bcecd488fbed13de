import { randomUUID } from 'node:crypto';
import { open, readFile, rm, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { TilerError, systemCodeOf } from '../errors.ts';
import { identifyProcess, isProcessAlive } from '../process-identity.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { isMissing } from './file-error.ts';

/** A lock that is held. Disposing of it releases it. */
export interface FileLock extends AsyncDisposable {
  /** True unless somebody took this process for dead. Asked just before what the lock is for is done. */
  isHeld(): Promise<boolean>;
}

/** Who made a lock file: text in it, of lines. */
interface Holder extends ProcessIdentity {
  /** Of this one lock and no other. */
  readonly token: string;
}

/** A lock is held for milliseconds. One whose holder cannot be looked at is dead once it is seen unchanged for so long. */
const SILENCE_MS = 30_000;
const TIMEOUT_MS = 60_000;
const POLL_MS = 10;

/**
 * Waits for a lock: a file that one process at a time can create. That of a dead process is removed, by one process only,
 * which holds a second such file while it does so. How long a lock has been there is measured by this process, so that
 * clocks of file servers do not count.
 *
 * @throws TilerError `STORE_UNAVAILABLE` if others hold it for a minute; errors of the file system as they are
 */
export async function takeFileLock(path: string, signal: AbortSignal): Promise<FileLock> {
  const holder = { token: randomUUID(), ...(await identifyProcess()) };
  const deadline = performance.now() + TIMEOUT_MS;
  let seen = { state: '', sinceMs: 0 };
  while (!(await create(path, holder))) {
    signal.throwIfAborted();
    const state = await stateOf(path);
    if (state !== seen.state) seen = { state, sinceMs: performance.now() };
    if (await isDead(state, performance.now() - seen.sinceMs)) await removeDead(path, state, holder);
    else if (performance.now() > deadline) {
      throw new TilerError('STORE_UNAVAILABLE', `Waiting for ${path}: found it held for ${TIMEOUT_MS / 1000} s`);
    } else await delay(POLL_MS * (0.5 + Math.random()), undefined, { signal });
  }
  const isHeld = async (): Promise<boolean> => holderIn(await stateOf(path))?.token === holder.token;
  return {
    isHeld,
    async [Symbol.asyncDispose]() {
      if (await isHeld()) await rm(path, { force: true });
    },
  };
}

async function create(path: string, holder: Holder): Promise<boolean> {
  const { token, host, machine, pid, processStart } = holder;
  const text = [token, host, machine ?? '', pid, processStart ?? ''].join('\n');
  try {
    await using file = await open(path, 'wx');
    await file.writeFile(text);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** What tells one lock file from the next of the same name; empty = there is none. */
async function stateOf(path: string): Promise<string> {
  try {
    const { ino, mtimeMs } = await stat(path);
    return `${ino} ${mtimeMs}\n${await readFile(path, 'utf8')}`;
  } catch (error) {
    if (isMissing(error)) return '';
    throw error;
  }
}

/** Null while its text is not written, as it stays if its process is killed just then. */
function holderIn(state: string): Holder | null {
  const [, token = '', host = '', machine, pid, processStart] = state.split('\n');
  if (processStart === undefined) return null;
  // What was not known is an empty line.
  return { token, host, machine: machine || null, pid: Number(pid), processStart: processStart || null };
}

async function isDead(state: string, unchangedMs: number): Promise<boolean> {
  if (state === '') return false;
  const holder = holderIn(state);
  const isAlive = holder === null ? null : await isProcessAlive(holder);
  return isAlive === null ? unchangedMs > SILENCE_MS : !isAlive;
}

async function removeDead(path: string, state: string, holder: Holder): Promise<void> {
  const breaker = `${path}.lock`;
  if (!(await create(breaker, holder))) {
    // Whoever removes it does so within milliseconds, unless it is killed just then.
    const found = await stateOf(breaker);
    const ageMs = Date.now() - Number(found.split(/[ \n]/)[1] ?? Date.now());
    await delay(POLL_MS);
    if ((await isDead(found, ageMs)) && (await stateOf(breaker)) === found) await rm(breaker, { force: true });
    return;
  }
  try {
    // Somebody else may have removed it, and the next may have it, since it was looked at.
    if ((await stateOf(path)) === state) await rm(path, { force: true });
  } finally {
    await rm(breaker, { force: true });
  }
}
