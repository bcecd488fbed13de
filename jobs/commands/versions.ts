import type { TilesetVersion } from '../../src/store/versions.ts';
import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { formatBytes, formatCount } from '../progress.ts';
import { JSON_OPTION, loadConfig } from './shared.ts';

/** `tilewright versions`: the versions of a tileset that are kept. */
export const versionsCommand: Command = {
  name: 'versions',
  summary: 'list the versions of a tileset that are kept, the newest first',
  positionals: [{ name: 'TILESET', description: 'an output, or a request (.json), whose output is meant' }],
  options: { json: JSON_OPTION },
  notes: ['An asterisk marks the version that is read. rollback makes another one of them that.'],
  async run(context, args) {
    const { openTileset } = await import('../tilesets/open-tileset.ts');
    const { cwd, signal } = context;
    const options = { config: await loadConfig(context, args), cwd, signal };
    await using tileset = await openTileset(args.positionals['TILESET'] ?? '', options);
    const { current = null, versions = [] } = tileset.versions ?? {};
    for (const version of versions) {
      const isCurrent = version.id === current;
      context.print(args.options['json'] === 'true' ? record(version, isCurrent) : line(version, isCurrent));
    }
    if (versions.length === 0) context.stderr.write(`${tileset.label} has no versions\n`);
    return EXIT.done;
  },
};

function line({ id, tiles, empty, bytes, records, requestHash }: TilesetVersion, isCurrent: boolean): string {
  const counts = `${formatCount(tiles)} tiles, ${formatCount(empty)} empty, ${formatBytes(bytes)}`;
  const origin = `${formatCount(records.metatiles)} metatiles of the request ${requestHash.slice(0, 16)}`;
  return `${isCurrent ? '*' : ' '} ${id}  ${counts}; ${origin}`;
}

function record({ records, ...version }: TilesetVersion, isCurrent: boolean): string {
  const { metatiles, root, path } = records;
  return JSON.stringify({ event: 'version', current: isCurrent, ...version, metatiles, root, records: path });
}
