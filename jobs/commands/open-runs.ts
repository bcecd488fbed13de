import { TilerError } from '../../src/errors.ts';
import type { CommandArguments, CommandContext } from '../command-line.ts';
import type { Runs } from '../runs.ts';
import { loadConfig } from './shared.ts';

/** A run of either engine as a positional. */
export const RUN_POSITIONAL = {
  name: 'RUN',
  description: 'name of a run of the queue, or the output that render writes to on this machine',
} as const;

/** As `runId` makes them. Anything else is an output. */
const RUN_NAME = /^[0-9a-f]{16}-[0-9]+$/;

export interface OpenedRuns extends AsyncDisposable {
  readonly runs: Runs;
  /** The run that was named, or the one of the output; null = none was named, or the output has none. */
  readonly run: string | null;
}

/** Opens the runs that a command is about: those of the queue, or with an output those of this machine. */
export async function openRuns(context: CommandContext, args: CommandArguments): Promise<OpenedRuns> {
  const config = await loadConfig(context, args);
  const named = args.positionals['RUN'];
  if (named === undefined || RUN_NAME.test(named)) {
    const { openQueueRuns } = await import('../queue/queue-runs.ts');
    const runs = await openQueueRuns(config, (text) => void context.stderr.write(`${text}\n`));
    return opened(runs, named ?? null);
  }
  const { LocalRuns } = await import('../local/local-runs.ts');
  const runs = new LocalRuns({ output: named, config });
  const [latest] = await runs.list();
  return opened(runs, latest?.run ?? null);
}

/** The run that a command is about. @throws TilerError `RUN_UNKNOWN` if there is none */
export function requireOpened({ run }: OpenedRuns, { positionals }: CommandArguments): string {
  if (run !== null) return run;
  throw new TilerError(
    'RUN_UNKNOWN',
    `Looking for a run in ${positionals['RUN'] ?? ''}: found none of render on this machine`,
  );
}

function opened(runs: Runs, run: string | null): OpenedRuns {
  return { runs, run, [Symbol.asyncDispose]: () => runs[Symbol.asyncDispose]() };
}
