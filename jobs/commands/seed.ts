import { TilerError } from '../../src/errors.ts';
import type { Command, CommandArguments } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import type { PreparedRun } from '../prepare-run.ts';
import type { Priority } from '../queue/lanes.ts';
import { createProgress, formatCount } from '../progress.ts';
import type { SeedOutcome } from '../queue/producer.ts';
import { MAX_FAILURES_OPTION } from './render.ts';
import {
  FORCE_OPTION,
  JSON_OPTION,
  KEEP_PARTS_OPTION,
  REDIS_OPTION,
  REQUEST_OPTIONS,
  REQUEST_POSITIONAL,
  UPDATE_OPTION,
  loadConfig,
  loadRequest,
  outputOptionsOf,
  reportRun,
} from './shared.ts';

/** `tilewright seed`: hands a tileset to the workers of the queue. */
export const seedCommand: Command = {
  name: 'seed',
  summary: 'enqueue a tileset for the workers on Redis',
  positionals: [REQUEST_POSITIONAL],
  options: {
    ...REQUEST_OPTIONS,
    wait: { description: 'follow the run until it ends' },
    'max-failures': MAX_FAILURES_OPTION,
    priority: {
      value: 'LANE',
      description: 'hot: before all other runs; normal: an equal share; default hot for small runs',
    },
    redis: REDIS_OPTION,
    update: UPDATE_OPTION,
    'keep-parts': KEEP_PARTS_OPTION,
    force: FORCE_OPTION,
    json: JSON_OPTION,
  },
  notes: [
    'Seeding the same request again finds the run that is there; one that had stopped goes on. With --update, a run that',
    'writes to the output is found too, and the update is to be asked for again when that has ended.',
  ],
  async run(context, args) {
    const [{ followRun }, { produceRun }, { openQueues }] = await Promise.all([
      import('../queue/follow-run.ts'),
      import('../queue/produce.ts'),
      import('../queue/queues.ts'),
    ]);
    const config = await loadConfig(context, args);
    const priority = priorityOf(args);
    const maxFailures = args.options['max-failures'] ?? null;
    if (maxFailures !== null) (await import('../run-status.ts')).parseMaxFailures(maxFailures, 0);
    const request = await loadRequest(context, args);
    const { signal } = context;
    const json = args.options['json'] === 'true';
    await using queues = await openQueues(config, (warning) => {
      context.stderr.write(`${json ? JSON.stringify({ event: 'warning', warning }) : warning}\n`);
    });
    let warnings: readonly string[] = [];
    const outcome = await produceRun({
      request,
      config,
      queues,
      ...outputOptionsOf(args),
      priority,
      maxFailures,
      onPrepared(prepared) {
        ({ warnings } = prepared);
        context.stderr.write(`${planText(prepared, json)}\n`);
      },
      signal,
    });
    const { kind, run } = outcome;
    context.print(json ? JSON.stringify({ event: kind, run }) : outcomeLine(outcome, request.output));
    if (kind === 'complete' || args.options['wait'] !== 'true') return EXIT.done;
    const summary = await followRun(queues.runStore, run, {
      progress: createProgress({ stream: context.stderr, json }),
      signal,
    });
    const failures = summary.failed > 0 ? await queues.runStore.failures(run) : [];
    const hint =
      summary.state === 'interrupted' ? `the run ${run} goes on` : `tilewright retry ${run} renders what is missing`;
    const remarks = warnings.length === 0 ? {} : { warnings };
    return reportRun(context, { ...summary, ...remarks }, failures, { json, hint });
  },
};

/** What is about to be enqueued. */
function planText({ request, plan, warnings }: PreparedRun, json: boolean): string {
  const { tiles, metatiles } = plan.counts();
  if (json) return JSON.stringify({ event: 'plan', tiles, metatiles, warnings });
  const line = `${formatCount(tiles)} tiles in ${formatCount(metatiles)} metatiles to ${request.output}`;
  return [line, ...warnings].join('\n');
}

function outcomeLine({ kind, run }: SeedOutcome, output: string): string {
  if (kind === 'complete') return `complete already: ${output} (--force begins anew)`;
  if (kind === 'paused') return `found the run ${run}, which is paused: tilewright resume ${run} goes on`;
  return `${kind} the run ${run}`;
}

function priorityOf({ options }: CommandArguments): Priority | null {
  const { priority } = options;
  if (priority === undefined || priority === 'hot' || priority === 'normal') return priority ?? null;
  throw new TilerError('REQUEST_INVALID', `Reading --priority: found '${priority}', expected hot or normal`);
}
