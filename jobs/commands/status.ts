import { setTimeout as delay } from 'node:timers/promises';
import { TilerError } from '../../src/errors.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';
import type { Command, CommandArguments, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import type { RunStatus } from '../runs.ts';
import { RUN_POSITIONAL, openRuns, requireOpened } from './open-runs.ts';
import type { OpenedRuns } from './open-runs.ts';
import { JSON_OPTION, REDIS_OPTION } from './shared.ts';

const WATCH_MS = 1_000;

/** `tilewright status`: how far runs are. */
export const statusCommand: Command = {
  name: 'status',
  summary: 'show how far a run is, and what failed; without RUN all runs of the queue',
  positionals: [{ ...RUN_POSITIONAL, optional: true }],
  options: {
    watch: { short: 'w', description: 'look again every second, until no run that is shown goes on' },
    redis: REDIS_OPTION,
    json: JSON_OPTION,
  },
  async run(context, args) {
    await using opened = await openRuns(context, args);
    const isAll = args.positionals['RUN'] === undefined;
    const run = isAll ? null : requireOpened(opened, args);
    for (;;) {
      const statuses = await look(opened, run);
      await show(context, args, opened, statuses, { isAll });
      const goesOn = statuses.some(({ state }) => state === 'running' || state === 'paused');
      if (args.options['watch'] !== 'true' || !goesOn) return EXIT.done;
      await delay(WATCH_MS, undefined, { signal: context.signal });
    }
  },
};

/** `tilewright list`: the runs that are known, a line each. */
export const listCommand: Command = {
  name: 'list',
  summary: 'list the runs of the queue, or those of an output on this machine',
  positionals: [{ ...RUN_POSITIONAL, name: 'RUN', description: 'an output that render writes to', optional: true }],
  options: { redis: REDIS_OPTION, json: JSON_OPTION },
  async run(context, args) {
    await using opened = await openRuns(context, args);
    await show(context, args, opened, await opened.runs.list(), { isAll: true });
    return EXIT.done;
  },
};

async function look({ runs }: OpenedRuns, run: string | null): Promise<readonly RunStatus[]> {
  if (run === null) return await runs.list();
  const status = await runs.status(run);
  if (status === null) throw new TilerError('RUN_UNKNOWN', `Looking for the run ${run}: there is none of that name`);
  return [status];
}

async function show(
  context: CommandContext,
  { options }: CommandArguments,
  { runs }: OpenedRuns,
  statuses: readonly RunStatus[],
  { isAll }: { readonly isAll: boolean },
): Promise<void> {
  const { failureRecord, runLine, runLines } = await import('../run-report.ts');
  const json = options['json'] === 'true';
  for (const status of statuses) {
    const failures: readonly TileFailure[] = isAll ? [] : await runs.failures(status.run);
    if (json) context.print(JSON.stringify({ ...status, ...(isAll ? {} : { failures: failures.map(failureRecord) }) }));
    else if (isAll) context.print(runLine(status));
    else for (const line of runLines(status, failures)) context.print(line);
  }
}
