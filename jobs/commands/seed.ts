import type { Command, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import type { Config } from '../../src/config.ts';
import { SILENT, createIoCounters } from '../../src/observe.ts';
import { followRun } from '../follow-run.ts';
import { createReadingPipeline, openOutput } from '../pipeline.ts';
import { createPlan } from '../plan-jobs.ts';
import type { TilesetPlan } from '../plan-jobs.ts';
import { seedRun } from '../producer.ts';
import { createProgress, formatCount } from '../progress.ts';
import { openQueues } from '../queues.ts';
import { requestHash } from '../request-hash.ts';
import type { TilesetRequest } from '../tileset-request.ts';
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
    const config = loadConfig(context, args);
    const request = await loadRequest(context, args);
    const plan = createPlan(request);
    const { signal } = context;
    const json = args.options['json'] === 'true';
    const { tiles, metatiles } = plan.counts();
    context.stderr.write(
      json
        ? `${JSON.stringify({ event: 'plan', tiles, metatiles })}\n`
        : `${formatCount(tiles)} tiles in ${formatCount(metatiles)} metatiles to ${request.output}\n`,
    );
    await using store = await openOutput(request, config, { counters: createIoCounters(), signal });
    await using queues = await openQueues(config);
    await askCatalog(context, request, plan, config);
    const outcome = await seedRun({
      ...queues,
      record: { request, requestHash: requestHash(request), indexCount: plan.indexCount, metatiles, tiles },
      store,
      attempts: config.retry.attempts,
      force: args.options['force'] === 'true',
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
    return reportRun(context, summary, failures, { json, hint });
  },
};

/** Asks the catalog about the first metatile, so that a request which it cannot serve is refused before it is enqueued. */
async function askCatalog(
  { signal }: CommandContext,
  request: TilesetRequest,
  plan: TilesetPlan,
  config: Config,
): Promise<void> {
  const [first] = plan.works();
  if (first === undefined) return;
  await using pipeline = createReadingPipeline(request, config, SILENT);
  await pipeline.backend.assetsForMetatile(first.metatile, { signal });
}
