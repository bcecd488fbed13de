import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { JSON_OPTION, REQUEST_POSITIONAL, commandLogger, loadConfig, loadRequest, parsePoint } from './shared.ts';

/** `tilewright point`: the values at a place, by hand. */
export const pointCommand: Command = {
  name: 'point',
  summary: 'show the values at a place, scene by scene',
  positionals: [{ name: 'LNG,LAT', description: 'the place, in degrees' }, REQUEST_POSITIONAL],
  options: { json: JSON_OPTION },
  async run(context, args) {
    const [{ readPoint }, { createReadingPipeline }, { renderOptionsOf }] = await Promise.all([
      import('../../src/render/point.ts'),
      import('../pipeline.ts'),
      import('../render-options.ts'),
    ]);
    const config = await loadConfig(context, args);
    const place = parsePoint('LNG,LAT', args.positionals['LNG,LAT'] ?? '');
    const request = await loadRequest(context, args);
    await using pipeline = createReadingPipeline(request, config, commandLogger(context, args));
    const { backend, cogs } = pipeline;
    const { signal } = context;
    const reading = await readPoint({ backend, cogs, options: renderOptionsOf(request) }, place, { signal });
    if (args.options['json'] === 'true') {
      context.print(JSON.stringify(reading));
      return EXIT.done;
    }
    const show = (values: readonly number[] | null): string => values?.join(' ') ?? 'no data';
    context.print(`${place.lng},${place.lat}: ${show(reading.values)}`);
    for (const { collection, itemId, values, failure } of reading.scenes) {
      const text = failure === undefined ? show(values) : `left out, ${failure.code}: ${failure.message}`;
      context.print(`  ${collection === null ? '' : `${collection}/`}${itemId}: ${text}`);
    }
    return EXIT.done;
  },
};
