#!/usr/bin/env node
import { COMMANDS } from './commands/table.ts';
import { EXIT } from './command-line.ts';
import { prepareEngine } from './prepare-engine.ts';
import { runCommand } from './run-command.ts';
import { softwareVersion } from './software-version.ts';

prepareEngine();

// On Node 20 the AWS SDK announces on stderr, for every process, that it will need a later one some day.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

const stopping = new AbortController();

// The first signal lets what is under way end; the second does not wait.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (stopping.signal.aborted) process.exit(EXIT.interrupted);
    stopping.abort();
  });
}
// A reader such as `head` that has seen enough closes the pipe; that is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

const exitCode = await runCommand(
  COMMANDS,
  process.argv.slice(2),
  {
    env: process.env,
    cwd: process.cwd(),
    print: (text) => void process.stdout.write(`${text}\n`),
    stderr: process.stderr,
    signal: stopping.signal,
  },
  softwareVersion(),
);
// What was written to a pipe is flushed before the process ends, which `process.exit` alone would not wait for.
process.stdout.write('', () => process.exit(exitCode));
