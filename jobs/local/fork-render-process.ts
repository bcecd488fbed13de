import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { ownModule } from '../../src/load-later.ts';
import type { ToRenderProcess } from './render-channel.ts';

/** The file that every process of Tilewright but the command line starts with. */
export function workerEntry(): URL {
  return ownModule('workers/main');
}

/**
 * Flags of Node for a process that renders. The pixels of tiles lie outside of V8's heap, but count against its limit, which
 * begins low: with a heap of 20 MB that never fills it would be walked through every 50 tiles, a quarter of all time.
 * From 128 MB on that is rare, for 30 MB more of memory.
 */
export function renderingFlags(): string[] {
  return [...process.execArgv, '--initial-old-space-size=128'];
}

/** Starts a process of `tilewright render`, in a process group of its own. Whoever starts it watches for its `exit`. */
export function forkRenderProcess(): ChildProcess {
  const child = fork(workerEntry(), ['render'], {
    detached: true,
    execArgv: renderingFlags(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  // A child that cannot be started or has just died also emits 'error'; its 'exit' or the next start deals with it.
  child.on('error', () => {});
  return child;
}

/** A message to a process that has just died is lost; what it was about is dealt with once the exit is seen. */
export function sendTo(child: ChildProcess, message: ToRenderProcess): void {
  if (child.connected) child.send(message, () => {});
}
