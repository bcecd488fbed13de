import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { workerEntry } from './fork-render-process.ts';

/** A worker that dies is started again after this wait, doubled for each that did not come up, at most half a minute. */
const RESTART_MS = 500;
const MAX_RESTART_MS = 30_000;

/** After the grace that the workers themselves keep to. */
const KILL_AFTER_MS = 5_000;

export interface WorkerFleetOptions {
  readonly processes: number;
  /** Environment of the workers; the rest of this process's is theirs too. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly shutdownGraceMs: number;
  readonly onNote: (text: string) => void;
}

/**
 * Runs worker processes until `signal` is aborted, starting those that die again. They have a process group of their
 * own, so that Ctrl-C reaches them once, through this parent; if the parent is killed they notice, and stop well.
 *
 * @returns true if every worker ended well; a worker that cannot use its configuration ends the fleet
 */
export async function runWorkerFleet(options: WorkerFleetOptions, signal: AbortSignal): Promise<boolean> {
  const stops = Array.from({ length: options.processes }, () => keepWorker(options, signal));
  return (await Promise.all(stops)).every(Boolean);
}

async function keepWorker(options: WorkerFleetOptions, signal: AbortSignal): Promise<boolean> {
  let failures = 0;
  while (!signal.aborted) {
    const { code, ready } = await runWorker(options, signal);
    if (signal.aborted) return code === 0;
    // 2 = it cannot use its configuration, which does not change.
    if (code === 2) return false;
    failures = ready ? 1 : failures + 1;
    const waitMs = Math.min(MAX_RESTART_MS, RESTART_MS * 2 ** (failures - 1));
    options.onNote(`a worker ended with ${code ?? 'a signal'}; the next one starts in ${waitMs} ms`);
    await pause(waitMs, signal);
  }
  return true;
}

async function runWorker(
  { env, shutdownGraceMs }: WorkerFleetOptions,
  signal: AbortSignal,
): Promise<{ readonly code: number | null; readonly ready: boolean }> {
  const child = fork(workerEntry(), [], { detached: true, env, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let ready = false;
  child.on('message', () => {
    ready = true;
  });
  let killing: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    killing = setTimeout(() => child.kill('SIGKILL'), shutdownGraceMs + KILL_AFTER_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  const code = await exitOf(child);
  signal.removeEventListener('abort', stop);
  clearTimeout(killing);
  return { code, ready };
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(1));
  });
}

function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, waitMs);
    signal.addEventListener('abort', end, { once: true });
  });
}
