import { TilerError } from '../../src/errors.ts';
import type { Command, CommandArguments, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import type { Runs, TakenUp } from '../runs.ts';
import { findAbandonedUploads } from './clean-uploads.ts';
import { RUN_POSITIONAL, openRuns, requireOpened } from './open-runs.ts';
import type { OpenedRuns } from './open-runs.ts';
import { renderHere } from './render.ts';
import { JSON_OPTION, PROCESSES_OPTION, REDIS_OPTION, loadConfig, parseWhole, processesOf } from './shared.ts';

const DAY_MS = 24 * 3_600_000;
const DEFAULT_DAYS = 30;

/** `tilewright pause`: begins nothing more of a run. */
export const pauseCommand: Command = steering('pause', 'begin nothing more of a run; resume goes on', (runs, run) =>
  runs.pause(run),
);

/** `tilewright cancel`: ends a run. */
export const cancelCommand: Command = steering(
  'cancel',
  'end a run; what is rendered stays, and retry takes it up again',
  (runs, run) => runs.cancel(run),
);

/** `tilewright resume`: goes on with a paused run. */
export const resumeCommand: Command = takingUp('resume', 'go on with a run that is paused', (runs, run) =>
  runs.resume(run),
);

/** `tilewright retry`: takes up a run that ended with failed tiles, was cancelled or interrupted. */
export const retryCommand: Command = takingUp(
  'retry',
  'render what is missing of a run that failed, was cancelled or interrupted',
  (runs, run) => runs.retry(run),
);

/** `tilewright clean`: forgets ended runs. */
export const cleanCommand: Command = {
  name: 'clean',
  summary: 'forget ended runs and remove what they left; tiles stay',
  positionals: [{ name: 'RUN', description: 'an output that render writes to, instead of the queue', optional: true }],
  options: {
    'older-than': { value: 'DAYS', description: `days since their last change; default ${DEFAULT_DAYS}` },
    uploads: {
      description: 'give up all unfinished uploads of outputs that no run writes to, not just those of days ago',
    },
    redis: REDIS_OPTION,
    json: JSON_OPTION,
  },
  async run(context, args) {
    await using opened = await openRuns(context, args);
    const days = parseWhole('--older-than', args.options['older-than'] ?? String(DEFAULT_DAYS), 0, 36_500);
    const named = args.positionals['RUN'] ?? null;
    const giveUp = await findAbandonedUploads(opened.runs, {
      config: await loadConfig(context, args),
      output: named === opened.run ? null : named,
      all: args.options['uploads'] === 'true',
      onFailure: (message) => void context.stderr.write(`${message}\n`),
    });
    for (const run of await opened.runs.clean({ olderThanMs: days * DAY_MS })) tell(context, args, 'cleaned', run);
    for await (const { output, path } of giveUp()) tellUpload(context, args, output, path);
    return EXIT.done;
  },
};

function steering(
  name: 'pause' | 'cancel',
  summary: string,
  steer: (runs: Runs, run: string) => Promise<void>,
): Command {
  return {
    name,
    summary,
    positionals: [RUN_POSITIONAL],
    options: { redis: REDIS_OPTION, json: JSON_OPTION },
    async run(context, args) {
      await using opened = await openRuns(context, args);
      const run = requireOpened(opened, args);
      await steer(opened.runs, run);
      tell(context, args, name === 'pause' ? 'paused' : 'cancelled', run);
      return EXIT.done;
    },
  };
}

function takingUp(
  name: 'resume' | 'retry',
  summary: string,
  takeUp: (runs: Runs, run: string) => Promise<TakenUp>,
): Command {
  return {
    name,
    summary,
    positionals: [RUN_POSITIONAL],
    options: { processes: PROCESSES_OPTION, redis: REDIS_OPTION, json: JSON_OPTION },
    notes: ['Of an output on this machine, without a process that could go on, it is rendered here.'],
    async run(context, args) {
      await using opened = await openRuns(context, args);
      const run = requireOpened(opened, args);
      if ((await takeUp(opened.runs, run)) === 'here') return await goOnHere(context, args, opened, run);
      tell(context, args, 'continued', run);
      return EXIT.done;
    },
  };
}

/** Renders a run of this machine in the foreground, with the failure budget that it had. */
async function goOnHere(
  context: CommandContext,
  args: CommandArguments,
  { runs }: OpenedRuns,
  run: string,
): Promise<number> {
  const [request, status] = await Promise.all([runs.request(run), runs.status(run)]);
  if (request === null) throw new TilerError('RUN_UNKNOWN', `Going on with the run ${run}: its request is gone`);
  return await renderHere(context, {
    request,
    config: await loadConfig(context, args),
    processes: processesOf(args),
    force: false,
    maxFailures: status?.maxFailures ?? null,
    json: args.options['json'] === 'true',
  });
}

function tellUpload(context: CommandContext, { options }: CommandArguments, output: string, path: string): void {
  const isJson = options['json'] === 'true';
  context.print(
    isJson ? JSON.stringify({ event: 'gave up', output, path }) : `gave up the upload of ${path}, ${output}`,
  );
}

function tell(context: CommandContext, { options }: CommandArguments, event: string, run: string): void {
  context.print(options['json'] === 'true' ? JSON.stringify({ event, run }) : `${event} the run ${run}`);
}
