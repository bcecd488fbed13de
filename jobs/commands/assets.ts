import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { TilerError } from '../../src/errors.ts';
import type { MosaicBackend } from '../../src/mosaic/backend.ts';
import type { Scene } from '../../src/mosaic/scene.ts';
import { parseTile } from '../../src/tms/tile.ts';
import {
  JSON_OPTION,
  REQUEST_POSITIONAL,
  commandLogger,
  loadConfig,
  loadRequest,
  parseBbox,
  parsePoint,
} from './shared.ts';

const PLACE = 'Z/X/Y|LNG,LAT|W,S,E,N';

/** `tilewright assets`: the mosaic backend, by hand. */
export const assetsCommand: Command = {
  name: 'assets',
  summary: 'list the scenes of a tile, a place or a box, first = on top',
  positionals: [{ name: PLACE, description: 'a tile, a place or a box, in degrees' }, REQUEST_POSITIONAL],
  options: { json: JSON_OPTION },
  async run(context, args) {
    const { createReadingPipeline } = await import('../pipeline.ts');
    const config = await loadConfig(context, args);
    const ask = parsePlace(args.positionals[PLACE] ?? '');
    const request = await loadRequest(context, args);
    await using pipeline = createReadingPipeline(request, config, commandLogger(context, args));
    for (const scene of await ask(pipeline.backend, context.signal)) {
      const { collection, itemId, datetime, assets } = scene;
      if (args.options['json'] === 'true') context.print(JSON.stringify({ collection, itemId, datetime, assets }));
      else {
        context.print(`${collection === null ? '' : `${collection}/`}${itemId}  ${datetime ?? ''}`);
        for (const { key, href } of assets) context.print(`  ${key}  ${withoutQuery(href)}`);
      }
    }
    return EXIT.done;
  },
};

/** What to ask the backend about a place, by how it is written. @throws TilerError `REQUEST_INVALID`, `TILE_OUT_OF_RANGE` */
function parsePlace(place: string): (backend: MosaicBackend, signal: AbortSignal) => Promise<readonly Scene[]> {
  if (place.includes('/')) {
    const tile = parseTile(place);
    return (backend, signal) => backend.assetsForTile(tile, { signal });
  }
  switch (place.split(',').length) {
    case 2: {
      const { lng, lat } = parsePoint('LNG,LAT', place);
      return (backend, signal) => backend.assetsForPoint(lng, lat, { signal });
    }
    case 4: {
      const bbox = parseBbox('W,S,E,N', place);
      return (backend, signal) => backend.assetsForBbox(bbox, { signal });
    }
    default:
      throw new TilerError(
        'REQUEST_INVALID',
        `tilewright assets: found '${place}', expected Z/X/Y, LNG,LAT or W,S,E,N`,
      );
  }
}

/** A query string may be a signature, which belongs on no screen; `--json` is for programs, which may need it. */
function withoutQuery(href: string): string {
  return href.replace(/[?#].*$/s, '');
}
