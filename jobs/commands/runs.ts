import type { Command, CommandArguments, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { TilerError } from '../../src/errors.ts';
import { formatCount } from '../progress.ts';
import type { Queues } from '../queues.ts';
import type { RunStore } from '../run-store.ts';
import { JSON_OPTION, REDIS_OPTION, loadConfig } from './shared.ts';

const RUN_POSITIONAL = { name: 'RUN', description: 'name of the run, as seed and status show it' } as const;

/** `tilewright status`: how far the runs of the queue are. */
export const statusCommand: Command = {
  name: 'status',
  summary: 'show how far one run of the queue is, or all',
  positionals: [{ ...RUN_POSITIONAL, optional: true }],
  options: { redis: REDIS_OPTION, json: JSON_OPTION },
  async run(context, args) {
    await using queues = await openRuns(context, args);
    const { runStore } = queues;
    const asked = args.positionals['RUN'];
    const { requireRun } = await import('../producer.ts');
    if (asked !== undefined) await requireRun(runStore, asked);
    for (const run of asked === undefined ? await runStore.list() : [asked]) {
      await printRun(context, runStore, run, { json: args.options['json'] === 'true', failures: asked !== undefined });
    }
    return EXIT.done;
  },
};

async function openRuns(context: CommandContext, args: CommandArguments): Promise<Queues> {
  const { openQueues } = await import('../queues.ts');
  return await openQueues(await loadConfig(context, args));
}

async function printRun(
  context: CommandContext,
  runStore: RunStore,
  run: string,
  show: { readonly json: boolean; readonly failures: boolean },
): Promise<void> {
  const [record, found] = await Promise.all([runStore.get(run), runStore.progress(run)]);
  if (record === null || found === null) return;
  const { output, name } = record.request;
  const failures = show.failures ? await runStore.failures(run) : [];
  if (show.json) {
    const listed = failures.map(({ tile, code, message }) => ({
      tile: `${tile.z}/${tile.x}/${tile.y}`,
      code,
      message,
    }));
    context.print(JSON.stringify({ run, name, output, ...found, ...(show.failures ? { failures: listed } : {}) }));
    return;
  }
  const { state, tiles, rendered, empty, failed, settledMetatiles, metatiles } = found;
  context.print(
    `${run}  ${state}  ${formatCount(rendered + empty + failed)}/${formatCount(tiles)} tiles` +
      `  ${formatCount(settledMetatiles)}/${formatCount(metatiles)} metatiles  ${formatCount(failed)} failed  ${output}`,
  );
  for (const { tile, code, message } of failures) context.print(`  ${tile.z}/${tile.x}/${tile.y}  ${code}: ${message}`);
}

/** `tilewright retry`: takes up a run that ended with failed tiles or was cancelled. */
export const retryCommand: Command = {
  name: 'retry',
  summary: 'render what is missing of a run that failed or was cancelled',
  positionals: [RUN_POSITIONAL],
  options: { redis: REDIS_OPTION },
  async run(context, args) {
    const config = await loadConfig(context, args);
    const { requireRun, retryRun } = await import('../producer.ts');
    await using queues = await openRuns(context, args);
    const run = args.positionals['RUN'] ?? '';
    await requireRun(queues.runStore, run);
    if (await retryRun({ ...queues, attempts: config.retry.attempts }, run)) {
      context.print(`continued the run ${run}`);
      return EXIT.done;
    }
    throw await stateError(queues.runStore, run, 'Retrying', 'failed or cancelled');
  },
};

/** `tilewright cancel`: stops a run; `retry` takes it up again. */
export const cancelCommand: Command = {
  name: 'cancel',
  summary: 'stop a run; what is rendered stays, and retry takes it up again',
  positionals: [RUN_POSITIONAL],
  options: { redis: REDIS_OPTION },
  async run(context, args) {
    await using queues = await openRuns(context, args);
    const run = args.positionals['RUN'] ?? '';
    const { requireRun } = await import('../producer.ts');
    await requireRun(queues.runStore, run);
    // Its jobs leave themselves out when their turn comes.
    if (await queues.runStore.changeState(run, ['running'], 'cancelled')) {
      context.print(`cancelled the run ${run}`);
      return EXIT.done;
    }
    throw await stateError(queues.runStore, run, 'Cancelling', 'running');
  },
};

async function stateError(runStore: RunStore, run: string, attempted: string, expected: string): Promise<TilerError> {
  const found = await runStore.progress(run);
  return new TilerError(
    'REQUEST_INVALID',
    `${attempted} the run ${run}: it is ${found?.state ?? 'gone'}, expected ${expected}`,
  );
}
