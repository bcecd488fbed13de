import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { parseTile, tilePath } from '../../src/tms/tile.ts';
import type { Tile } from '../../src/tms/tile.ts';
import type { SourceReach } from '../find-source-reach.ts';
import type { ReadingPipeline } from '../pipeline.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { JSON_OPTION, REQUEST_POSITIONAL, commandLogger, loadConfig, loadRequest } from './shared.ts';

/** `tilewright tile`: one tile, by hand. */
export const tileCommand: Command = {
  name: 'tile',
  summary: 'render one tile to a file',
  positionals: [{ name: 'Z/X/Y', description: 'address of the tile, row 0 in the north' }, REQUEST_POSITIONAL],
  options: {
    output: { value: 'FILE', description: 'default Z-X-Y with the ending of the format, in the working directory' },
    json: JSON_OPTION,
  },
  async run(context, args) {
    const [{ createMemoryStore }, { createReadingPipeline }, { createRequestEncoder }] = await Promise.all([
      import('../../src/store/memory-store.ts'),
      import('../pipeline.ts'),
      import('../open-output.ts'),
    ]);
    const [{ createPlan }, { withSourceMinzoom }, { renderOneTile }] = await Promise.all([
      import('../plan-jobs.ts'),
      import('../prepare-run.ts'),
      import('../render-one-tile.ts'),
    ]);
    const config = await loadConfig(context, args);
    const tile = parseTile(args.positionals['Z/X/Y'] ?? '');
    const { output, ...options } = args.options;
    const { signal } = context;
    const request = await loadRequest(context, { ...args, options });
    await using handedOn = createMemoryStore();
    await using pipeline = createReadingPipeline(request, config, commandLogger(context, args), { handedOn });
    const { sourceMinzoom } = withSourceMinzoom(request, await reachFor(tile, request, pipeline, signal));
    const plan = createPlan({ ...request, sourceMinzoom });
    const encoded = await renderOneTile(tile, { renderer: pipeline.renderer, plan, sourceMinzoom, signal });
    const address = tilePath(tile);
    const json = args.options['json'] === 'true';
    if (encoded === null) {
      context.print(json ? JSON.stringify({ tile: address, empty: true }) : `${address}: empty, nothing written`);
      return EXIT.done;
    }
    const { extension } = createRequestEncoder(request);
    const file = resolve(context.cwd, output ?? `${address.replaceAll('/', '-')}.${extension}`);
    await writeFile(file, encoded.bytes, { signal });
    const { bytes, scenes } = encoded;
    if (json) context.print(JSON.stringify({ tile: address, empty: false, file, bytes: bytes.length, scenes }));
    else context.print(`${address}: ${bytes.length} bytes from ${scenes.join(', ') || 'the tiles below'} → ${file}`);
    return EXIT.done;
  },
};

/** Where the sources reach to, if that decides what a tile is made of. */
async function reachFor(
  tile: Tile,
  request: TilesetRequest,
  pipeline: ReadingPipeline,
  signal: AbortSignal,
): Promise<SourceReach | null> {
  const isDecided = request.sourceMinzoom !== undefined || tile.z < request.minzoom || tile.z >= request.maxzoom;
  if (isDecided) return null;
  const { findSourceReach } = await import('../find-source-reach.ts');
  return await findSourceReach(request, pipeline, { signal });
}
