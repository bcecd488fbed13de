import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { PROCESSES_OPTION, REDIS_OPTION, loadConfig, processesOf } from './shared.ts';

/** `tilewright worker`: worker processes of the queue. */
export const workerCommand: Command = {
  name: 'worker',
  summary: 'render what is in the queue on Redis, until it is stopped',
  positionals: [],
  options: { processes: PROCESSES_OPTION, redis: REDIS_OPTION },
  notes: ['SIGTERM or Ctrl-C: metatiles under way are finished or handed back, then it ends with 0.'],
  async run(context, args) {
    const { runWorkerFleet } = await import('../worker-fleet.ts');
    const config = await loadConfig(context, args);
    const processes = processesOf(args);
    const ended = await runWorkerFleet(
      {
        processes,
        env: { ...context.env, REDIS_URL: config.redisUrl },
        shutdownGraceMs: config.shutdownGraceMs,
        onNote: (text) => context.stderr.write(`${text}\n`),
      },
      context.signal,
    );
    return ended ? EXIT.done : EXIT.failed;
  },
};
