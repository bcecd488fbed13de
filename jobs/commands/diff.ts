import { isTilerError } from '../../src/errors.ts';
import type { TileChange } from '../../src/store/records/diff-records.ts';
import type { Command, CommandContext } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { formatCount } from '../progress.ts';
import { JSON_OPTION, loadConfig } from './shared.ts';

const KINDS = ['added', 'changed', 'removed', 'emptied'] as const;

/** As of diff(1), whose 1 is a finding: what is in doubt must not look like one. */
const DIFF_EXIT = { same: EXIT.done, differs: EXIT.failed, trouble: EXIT.usage } as const;

/** `tilewright diff`: lists the tiles that differ between two tilesets, or versions of one. */
export const diffCommand: Command = {
  name: 'diff',
  summary: 'list the tiles that differ between two tilesets, or versions of one',
  positionals: [
    { name: 'A', description: 'a tileset, as verify takes it, such as world.pmtiles@3-ab12cd34' },
    { name: 'B', description: 'another; added tiles are those that only this one has' },
  ],
  options: { summary: { description: 'only how many tiles differ' }, json: JSON_OPTION },
  notes: ['Exit code 0 if all tiles are the same, 1 if some differ, 2 if it cannot be told, as of diff(1).'],
  async run(context, args) {
    try {
      const { compareTilesets } = await import('../tilesets/compare-tilesets.ts');
      const config = await loadConfig(context, args);
      const { cwd, signal } = context;
      const targets = [args.positionals['A'] ?? '', args.positionals['B'] ?? ''] as const;
      const changes = compareTilesets(targets, { config, cwd, signal });
      const { json, summary } = args.options;
      return await report(context, changes, { isJson: json === 'true', isSummary: summary === 'true' });
    } catch (error) {
      // Whatever it is, it says nothing about the tiles.
      if (!isTilerError(error)) throw error;
      context.stderr.write(`${error.code}: ${error.message}\n`);
      if (args.options['verbose'] === 'true' && error.stack !== undefined) context.stderr.write(`${error.stack}\n`);
      return DIFF_EXIT.trouble;
    }
  },
};

async function report(
  context: CommandContext,
  changes: AsyncIterable<TileChange>,
  { isJson, isSummary }: { readonly isJson: boolean; readonly isSummary: boolean },
): Promise<number> {
  const counts = { added: 0, changed: 0, removed: 0, emptied: 0 };
  for await (const { tile, kind } of changes) {
    counts[kind]++;
    if (isSummary) continue;
    const name = `${tile.z}/${tile.x}/${tile.y}`;
    context.print(isJson ? JSON.stringify({ event: 'change', tile: name, kind }) : `${name} ${kind}`);
  }
  const total = KINDS.reduce((sum, kind) => sum + counts[kind], 0);
  if (isJson) context.print(JSON.stringify({ event: 'summary', ...counts }));
  else if (isSummary) context.print(KINDS.map((kind) => `${formatCount(counts[kind])} ${kind}`).join(', '));
  return total === 0 ? DIFF_EXIT.same : DIFF_EXIT.differs;
}
