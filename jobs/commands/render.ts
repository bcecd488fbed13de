import type { Command, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import type { RenderLocalOptions } from '../local/render-local.ts';
import { createProgress, formatCount } from '../progress.ts';
import {
  FORCE_OPTION,
  JSON_OPTION,
  KEEP_PARTS_OPTION,
  PROCESSES_OPTION,
  REQUEST_OPTIONS,
  REQUEST_POSITIONAL,
  UPDATE_OPTION,
  loadConfig,
  loadRequest,
  outputOptionsOf,
  processesOf,
  reportRun,
} from './shared.ts';

/** The failure budget of a run, for `render` and `seed`. */
export const MAX_FAILURES_OPTION = {
  value: 'N',
  description: 'end the run once more than N tiles failed, or N% of them; default: go on to the end',
} as const;

/** `tilewright render`: the whole run on this machine. */
export const renderCommand: Command = {
  name: 'render',
  summary: 'render a tileset on this machine, without any server',
  positionals: [REQUEST_POSITIONAL],
  options: {
    ...REQUEST_OPTIONS,
    processes: PROCESSES_OPTION,
    'max-failures': MAX_FAILURES_OPTION,
    update: UPDATE_OPTION,
    'keep-parts': KEEP_PARTS_OPTION,
    force: FORCE_OPTION,
    json: JSON_OPTION,
  },
  notes: [
    'A run that was stopped or killed is continued by the same command, and gives the same bytes. A finished one is',
    'left as it is; with --update every metatile of it is looked at, and rendered if what it is made of has changed.',
  ],
  async run(context, args) {
    const config = await loadConfig(context, args);
    const processes = processesOf(args);
    const maxFailures = args.options['max-failures'] ?? null;
    if (maxFailures !== null) (await import('../run-status.ts')).parseMaxFailures(maxFailures, 0);
    const request = await loadRequest(context, args);
    const json = args.options['json'] === 'true';
    return await renderHere(context, { request, config, processes, ...outputOptionsOf(args), maxFailures, json });
  },
};

export interface RenderHereOptions extends Omit<RenderLocalOptions, 'progress' | 'signal'> {
  readonly json: boolean;
}

/** Renders a request in the foreground, with progress and report: for `render`, and for a run that is taken up here. */
export async function renderHere(context: CommandContext, { json, ...options }: RenderHereOptions): Promise<number> {
  const { renderLocal } = await import('../local/render-local.ts');
  const progress = createProgress({ stream: context.stderr, json });
  const outcome = await renderLocal({ ...options, progress, signal: context.signal });
  if (outcome.kind === 'complete') {
    const rendered = outcome.manifest.counts?.rendered ?? 0;
    if (json) context.print(JSON.stringify({ event: 'complete', run: outcome.run, rendered }));
    else
      context.print(
        `complete already: ${formatCount(rendered)} tiles in ${options.request.output}; nothing rendered (--force begins anew)`,
      );
    return EXIT.done;
  }
  const hint = 'the same command goes on with what is missing';
  return reportRun(context, outcome.summary, outcome.failures, { json, hint });
}
