import { resolve } from 'node:path';
import { createIoCounters } from '../../src/observe.ts';
import type { TileStore } from '../../src/store/tile-store.ts';
import type { Command, CommandArguments, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { JSON_OPTION, loadConfig } from './shared.ts';

/** `tilewright rollback`: has an earlier version of an archive read again. */
export const rollbackCommand: Command = {
  name: 'rollback',
  summary: 'make an earlier version of an archive the one that is read',
  positionals: [{ name: 'TILESET', description: 'an output, or a request (.json), whose output is meant' }],
  options: {
    to: { value: 'ID', description: 'the version, as versions shows it; default the one before' },
    json: JSON_OPTION,
  },
  notes: [
    'The documents beside the archive are written anew for that version.',
    'Tiles that are objects of their own have one version only.',
  ],
  async run(context, args) {
    const [{ rollBackTileset }, { requestNamed }] = await Promise.all([
      import('../tilesets/roll-back.ts'),
      import('../tilesets/tileset-place.ts'),
    ]);
    const { signal } = context;
    const target = args.positionals['TILESET'] ?? '';
    const request = await requestNamed(target, context);
    await using store = await openStore(request, target, context, args);
    const versionId = args.options['to'] ?? null;
    const { version, stale } = await rollBackTileset(store, { versionId, request, signal });
    for (const path of stale) {
      context.stderr.write(`${path} still describes another version: rollback with the request writes it anew\n`);
    }
    const { id, archive } = version;
    const isJson = args.options['json'] === 'true';
    context.print(
      isJson ? JSON.stringify({ event: 'rolledBack', version: id, archive, stale }) : `rolled back to ${id}`,
    );
    return EXIT.done;
  },
};

async function openStore(
  request: TilesetRequest | null,
  target: string,
  context: CommandContext,
  args: CommandArguments,
): Promise<TileStore> {
  const config = await loadConfig(context, args);
  const [counters, { signal }] = [createIoCounters(), context];
  if (request !== null) {
    const { openOutput } = await import('../open-output.ts');
    return await openOutput(request, config, { counters, signal });
  }
  const { openTileStore } = await import('../../src/store/open-store.ts');
  const output = target.includes('://') ? target : resolve(context.cwd, target);
  // Nothing is written or listed here that would depend on the format of the tiles.
  const format = { extension: 'png', contentType: 'image/png' };
  return await openTileStore(output, { ...format, s3: config.s3, counters }, { signal });
}
