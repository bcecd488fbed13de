import { TilerError } from '../../src/errors.ts';
import type { Command, CommandArguments } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { Priority } from '../queue/lanes.ts';
import { createProgress, formatCount } from '../progress.ts';
import type { SeedOutcome } from '../queue/producer.ts';
import { MAX_FAILURES_OPTION } from './render.ts';
import {
  FORCE_OPTION,
  JSON_OPTION,
  REDIS_OPTION,
  REQUEST_OPTIONS,
  REQUEST_POSITIONAL,
  loadConfig,
  loadRequest,
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
    force: FORCE_OPTION,
    json: JSON_OPTION,
  },
  notes: ['Seeding the same request again finds the run that is there; one that had stopped goes on.'],
  async run(context, args) {
    const [{ askSources }, { openOutput }, { prepareRun, warningsOf }] = await Promise.all([
      import('../ask-sources.ts'),
      import('../open-output.ts'),
      import('../prepare-run.ts'),
    ]);
    const [{ followRun }, { seedRun }, { openQueues }] = await Promise.all([
      import('../queue/follow-run.ts'),
      import('../queue/producer.ts'),
      import('../queue/queues.ts'),
    ]);
    const config = await loadConfig(context, args);
    const priority = priorityOf(args);
    const maxFailures = args.options['max-failures'] ?? null;
    if (maxFailures !== null) (await import('../run-status.ts')).parseMaxFailures(maxFailures, 0);
    const asked = await loadRequest(context, args);
    const { signal } = context;
    const json = args.options['json'] === 'true';
    const force = args.options['force'] === 'true';
    const counters = createIoCounters();
    await using store = await openOutput(asked, config, { counters, signal });
    await using queues = await openQueues(config, (warning) => {
      context.stderr.write(`${json ? JSON.stringify({ event: 'warning', warning }) : warning}\n`);
    });
    const prepared = await prepareRun(asked, { store, config, force, ask: askSources, counters, signal });
    const { request, requestHash, plan, start, warnings } = prepared;
    const { tiles, metatiles } = plan.counts();
    context.stderr.write(
      json
        ? `${JSON.stringify({ event: 'plan', tiles, metatiles, warnings })}\n`
        : [
            `${formatCount(tiles)} tiles in ${formatCount(metatiles)} metatiles to ${request.output}`,
            ...warnings,
            '',
          ].join('\n'),
    );
    const outcome = await seedRun({
      ...queues,
      record: { request, requestHash, indexCount: plan.indexCount, metatiles, tiles },
      store,
      start,
      attempts: config.retry.attempts,
      zooms: plan.zooms,
      priority,
      hotMetatiles: config.queue.hotMetatiles,
      maxFailures,
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
    return reportRun(context, { ...summary, ...warningsOf(warnings) }, failures, { json, hint });
  },
};

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
