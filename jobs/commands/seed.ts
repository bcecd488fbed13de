import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { createIoCounters } from '../../src/observe.ts';
import { createProgress, formatCount } from '../progress.ts';
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
      import('../follow-run.ts'),
      import('../producer.ts'),
      import('../queues.ts'),
    ]);
    const config = await loadConfig(context, args);
    const asked = await loadRequest(context, args);
    const { signal } = context;
    const json = args.options['json'] === 'true';
    const force = args.options['force'] === 'true';
    const counters = createIoCounters();
    await using store = await openOutput(asked, config, { counters, signal });
    await using queues = await openQueues(config);
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
      signal,
    });
    const { kind, run } = outcome;
    if (kind === 'complete') {
      context.print(
        json ? JSON.stringify({ event: kind, run }) : `complete already: ${request.output} (--force begins anew)`,
      );
      return EXIT.done;
    }
    const wait = args.options['wait'] === 'true';
    context.print(json ? JSON.stringify({ event: kind, run }) : `${kind} the run ${run}`);
    if (!wait) return EXIT.done;
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
