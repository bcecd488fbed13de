import { spawn } from 'node:child_process';
import { CLI_PATH } from '../support/build.ts';

/**
 * Runs the command line as a user does, with its progress on this terminal. An aborted signal is passed on to it as
 * SIGINT, which it takes as "finish what is under way".
 *
 * @throws Error if it ends with anything but 0
 */
export async function tilewright(args: readonly string[], signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [CLI_PATH, ...args], { stdio: ['ignore', 'inherit', 'inherit'] });
  const interrupt = (): void => void child.kill('SIGINT');
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, exitSignal) => resolve(exitCode ?? exitSignal));
    });
    signal.throwIfAborted();
    if (code !== 0) throw new Error(`tilewright ${args.join(' ')} ended with ${code}`);
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
