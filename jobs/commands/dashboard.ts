import { once } from 'node:events';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import type { Command, CommandArguments, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import type { BullBoard } from '../dashboard/bull-board.ts';
import type { Runs } from '../runs.ts';
import { loadConfig, parseWhole, REDIS_OPTION } from './shared.ts';

const DEFAULT_PORT = 7400;

/** `tilewright dashboard`: a live page of the runs of the queue, or of a folder. */
export const dashboardCommand: Command = {
  name: 'dashboard',
  summary: 'show and steer runs in a live page, with /metrics for Prometheus',
  positionals: [
    {
      name: 'OUTPUT',
      description: 'show the runs of render to this output instead of those of the queue',
      optional: true,
    },
  ],
  options: {
    host: { value: 'ADDRESS', description: 'default 127.0.0.1; any other needs TILEWRIGHT_DASHBOARD_TOKEN' },
    port: { value: 'N', description: `default ${DEFAULT_PORT}; 0 = any free one` },
    'bull-board': { description: 'show the jobs of the queues at /queues' },
    redis: REDIS_OPTION,
  },
  notes: ['Ctrl-C ends it.'],
  async run(context, args) {
    const { startDashboard } = await import('../dashboard/server.ts');
    const config = await loadConfig(context, args);
    const { signal } = context;
    const port = parseWhole('--port', args.options['port'] ?? String(DEFAULT_PORT), 0, 65_535);
    const opened = await openRuns(context, args, config);
    await using runs = opened.runs;
    const server = await startDashboard({
      runs,
      config,
      host: args.options['host'] ?? '127.0.0.1',
      port,
      bullBoard: opened.bullBoard,
    });
    context.print(server.url);
    if (!signal.aborted) await once(signal, 'abort');
    await server.close();
    return EXIT.done;
  },
};

async function openRuns(
  { stderr }: CommandContext,
  { positionals, options }: CommandArguments,
  config: Config,
): Promise<{ readonly runs: Runs; readonly bullBoard?: BullBoard }> {
  const output = positionals['OUTPUT'];
  const wantsBoard = options['bull-board'] === 'true';
  if (output !== undefined) {
    if (wantsBoard) {
      throw new TilerError(
        'REQUEST_INVALID',
        '--bull-board: found with an OUTPUT, expected without: a folder has no queues',
      );
    }
    const { LocalRuns } = await import('../local/local-runs.ts');
    return { runs: new LocalRuns({ output, config }) };
  }
  const [{ openQueues }, { QueueRuns }] = await Promise.all([
    import('../queue/queues.ts'),
    import('../queue/queue-runs.ts'),
  ]);
  const queues = await openQueues(config, (text) => void stderr.write(`${text}\n`));
  const runs = new QueueRuns(queues, config.retry);
  if (!wantsBoard) return { runs };
  const { createBullBoard } = await import('../dashboard/bull-board.ts');
  return { runs, bullBoard: await createBullBoard(queues) };
}
