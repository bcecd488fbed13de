import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { createProgress, formatCount } from '../progress.ts';
import {
  FORCE_OPTION,
  JSON_OPTION,
  PROCESSES_OPTION,
  REQUEST_OPTIONS,
  REQUEST_POSITIONAL,
  loadConfig,
  loadRequest,
  processesOf,
  reportRun,
} from './shared.ts';

/** `tilewright render`: the whole run on this machine. */
export const renderCommand: Command = {
  name: 'render',
  summary: 'render a tileset on this machine, without any server',
  positionals: [REQUEST_POSITIONAL],
  options: { ...REQUEST_OPTIONS, processes: PROCESSES_OPTION, force: FORCE_OPTION, json: JSON_OPTION },
  notes: [
    'A run that was stopped or killed is continued by the same command, and gives the same bytes. A finished one is',
    'left as it is.',
  ],
  async run(context, args) {
    const { renderLocal } = await import('../render-local.ts');
    const config = await loadConfig(context, args);
    const processes = processesOf(args);
    const request = await loadRequest(context, args);
    const json = args.options['json'] === 'true';
    const outcome = await renderLocal({
      request,
      config,
      processes,
      force: args.options['force'] === 'true',
      progress: createProgress({ stream: context.stderr, json }),
      signal: context.signal,
    });
    if (outcome.kind === 'complete') {
      const rendered = outcome.manifest.counts?.rendered ?? 0;
      if (json) context.print(JSON.stringify({ event: 'complete', run: outcome.run, rendered }));
      else
        context.print(
          `complete already: ${formatCount(rendered)} tiles in ${request.output}; nothing rendered (--force begins anew)`,
        );
      return EXIT.done;
    }
    const hint = 'the same command goes on with what is missing';
    return reportRun(context, outcome.summary, outcome.failures, { json, hint });
  },
};
