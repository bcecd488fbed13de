import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { formatCount } from '../progress.ts';
import { JSON_OPTION, REQUEST_OPTIONS, REQUEST_POSITIONAL, loadRequest } from './shared.ts';

/** `tilewright plan`: how much a request is. Asks no one and renders nothing. */
export const planCommand: Command = {
  name: 'plan',
  summary: 'show what a request comes to; renders nothing',
  positionals: [REQUEST_POSITIONAL],
  options: { ...REQUEST_OPTIONS, json: JSON_OPTION },
  async run(context, args) {
    const { createPlan } = await import('../plan-jobs.ts');
    const request = await loadRequest(context, args);
    const { minzoom, sourceMinzoom } = request;
    const { perZoom: zooms, tiles, metatiles } = createPlan(request).counts();
    // One search for each metatile that is rendered from scenes; one with more items than fit on a page takes more pages.
    const perZoom = zooms.map((zoom) => ({
      ...zoom,
      searches: zoom.z < (sourceMinzoom ?? minzoom) ? 0 : zoom.metatiles,
    }));
    const searches = perZoom.reduce((sum, zoom) => sum + zoom.searches, 0);
    if (args.options['json'] === 'true') {
      for (const zoom of perZoom) context.print(JSON.stringify({ event: 'zoom', ...zoom }));
      context.print(JSON.stringify({ event: 'plan', tiles, metatiles, searches }));
      return EXIT.done;
    }
    const rows = [
      ['zoom', 'tiles', 'metatiles', 'searches'],
      ...perZoom.map((zoom) => [String(zoom.z), ...[zoom.tiles, zoom.metatiles, zoom.searches].map(formatCount)]),
      ['all', ...[tiles, metatiles, searches].map(formatCount)],
    ];
    const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    for (const row of rows) context.print(row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join('  '));
    if (sourceMinzoom === undefined && minzoom < request.maxzoom) {
      context.stderr.write(
        'without sourceMinzoom, zooms that the overviews of the sources do not reach are made of the tiles below them: ' +
          'fewer metatiles and searches\n',
      );
    }
    return EXIT.done;
  },
};
