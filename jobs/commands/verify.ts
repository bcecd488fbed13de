import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import { createIoCounters } from '../../src/observe.ts';
import type { Problem } from '../../src/store/pmtiles/archive-problems.ts';
import type { VerifyReport } from '../../src/store/pmtiles/verify-archive.ts';
import { formatBytes, formatCount } from '../progress.ts';
import { JSON_OPTION, loadConfig, parseWhole } from './shared.ts';

/** Tiles that are decoded unless all are asked for. */
const DEFAULT_SAMPLE = 1_000;

/** `tilewright verify`: checks a PMTiles archive, ours or not. */
export const verifyCommand: Command = {
  name: 'verify',
  summary: 'check a PMTiles archive: structure, order, counts, and tiles by decoding',
  positionals: [{ name: 'ARCHIVE', description: 'a file, an http(s) URL, or s3://bucket/key' }],
  options: {
    sample: { value: 'N', description: `tiles that are decoded, evenly spread, or all; default ${DEFAULT_SAMPLE}` },
    json: JSON_OPTION,
  },
  notes: ['Exit code 1 if the archive has an error; a warning alone is 0.'],
  async run(context, args) {
    const [{ createOpenRanges }, { verifyArchive }, { placeOfArchive }] = await Promise.all([
      import('../open-ranges.ts'),
      import('../../src/store/pmtiles/verify-archive.ts'),
      import('../place-of-archive.ts'),
    ]);
    const config = await loadConfig(context, args);
    const { sample: text = String(DEFAULT_SAMPLE) } = args.options;
    const sample = text === 'all' ? Infinity : parseWhole('--sample', text, 0, Number.MAX_SAFE_INTEGER);
    const { href, fileRoot } = placeOfArchive(args.positionals['ARCHIVE'] ?? '', context.cwd);
    await using ranges = createOpenRanges(config, { counters: createIoCounters(), fileRoot });
    await using source = ranges.open(href);
    const report = await verifyArchive(source, { sample, signal: context.signal });
    if (args.options['json'] === 'true') context.print(JSON.stringify(report));
    else for (const line of reportLines(report)) context.print(line);
    return report.problems.some(({ severity }) => severity === 'error') ? EXIT.failed : EXIT.done;
  },
};

function reportLines({ header, problems, entries, leaves, decoded, tileSize }: VerifyReport): readonly string[] {
  const lines = problems.flatMap(problemLines);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  if (header === null) return lines;
  const { tileType, minzoom, maxzoom, addressedTiles, tiles } = header;
  const size = tileSize === null ? '' : `${tileSize} px `;
  return [
    ...lines,
    `${formatCount(addressedTiles)} ${size}${tileType} tiles of zooms ${minzoom} to ${maxzoom} in ${formatBytes(tiles.length)}; ` +
      `${formatCount(entries)} entries in ${formatCount(leaves + 1)} directories; ${formatCount(decoded)} tiles decoded`,
    errors + warnings === 0 ? 'no faults found' : `${errors} kinds of errors, ${warnings} of warnings`,
  ];
}

function problemLines({ code, severity, count, messages }: Problem): readonly string[] {
  const further = count - messages.length;
  return [
    `${severity} ${code}${count > 1 ? ` (${formatCount(count)} times)` : ''}`,
    ...messages.map((message) => `  ${message}`),
    ...(further > 0 ? [`  and ${formatCount(further)} more`] : []),
  ];
}
