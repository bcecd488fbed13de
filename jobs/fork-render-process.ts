import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { ToRenderProcess } from './render-channel.ts';

/** The file that every process of Tilewright starts with, beside this one as source or as build. */
export function workerEntry(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`../workers/main.${extension}`, import.meta.url);
}

/** Starts a process of `tilewright render`, in a process group of its own. Whoever starts it watches for its `exit`. */
export function forkRenderProcess(): ChildProcess {
  const child = fork(workerEntry(), ['render'], { detached: true, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  // A child that cannot be started or has just died also emits 'error'; its 'exit' or the next start deals with it.
  child.on('error', () => {});
  return child;
}

/** A message to a process that has just died is lost; what it was about is dealt with once the exit is seen. */
export function sendTo(child: ChildProcess, message: ToRenderProcess): void {
  if (child.connected) child.send(message, () => {});
}
