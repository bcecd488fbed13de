import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { PROJECT_FOLDER } from './build.ts';

/** A process that runs a TypeScript file of this folder. */
export interface ScriptProcess {
  readonly child: ChildProcess;
  /** What it wrote to standard output. @throws Error with what it wrote to standard error, unless it ended well or by SIGKILL */
  readonly finished: Promise<string>;
}

/** Starts a file of `test/support` as a process of its own. */
export function startScript(name: string, args: readonly string[]): ScriptProcess {
  const script = join(PROJECT_FOLDER, 'test', 'support', name);
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], {
    cwd: PROJECT_FOLDER,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const finish = async (): Promise<string> => {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
    if (child.exitCode === 0 || child.signalCode === 'SIGKILL') return stdout;
    throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}. It wrote:\n${stderr.slice(-4000)}`);
  };
  return { child, finished: finish() };
}
