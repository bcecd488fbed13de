import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { PROCESSES_OPTION, REDIS_OPTION, loadConfig, processesOf } from './shared.ts';

/** `tilewright worker`: worker processes of the queue. */
export const workerCommand: Command = {
  name: 'worker',
  summary: 'render what is in the queue on Redis, until it is stopped',
  positionals: [],
  options: {
    processes: PROCESSES_OPTION,
    redis: REDIS_OPTION,
    metrics: {
      value: 'HOST:PORT',
      description: 'answer /metrics, /healthz and /readyz there; instead of TILEWRIGHT_METRICS_LISTEN',
    },
  },
  notes: ['SIGTERM or Ctrl-C: metatiles under way are finished or handed back, then it ends with 0.'],
  async run(context, args) {
    const { runWorkerFleet } = await import('../fleet/worker-fleet.ts');
    const { metrics } = args.options;
    const env = metrics === undefined ? context.env : { ...context.env, TILEWRIGHT_METRICS_LISTEN: metrics };
    const config = await loadConfig({ ...context, env }, args);
    const ended = await runWorkerFleet(
      {
        ...config,
        processes: processesOf(args),
        env: { ...env, REDIS_URL: config.redis.urls.join(',') },
        onNote: (text) => context.stderr.write(`${text}\n`),
      },
      context.signal,
    );
    return ended ? EXIT.done : EXIT.failed;
  },
};
