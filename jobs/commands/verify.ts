import type { Command } from '../command-line.ts';
import { EXIT } from '../command-line.ts';
import type { Problem } from '../../src/store/pmtiles/archive-problems.ts';
import { formatBytes, formatCount } from '../progress.ts';
import type { TilesetReport } from '../tilesets/verify-tileset.ts';
import { JSON_OPTION, loadConfig, parseWhole } from './shared.ts';

/** Tiles that are decoded and compared unless all are asked for. */
const DEFAULT_SAMPLE = 1_000;

/** `tilewright verify`: checks a tileset of any form, ours or not. */
export const verifyCommand: Command = {
  name: 'verify',
  summary: 'check a tileset by its records, or any archive, and for holes and seams',
  positionals: [
    {
      name: 'TILESET',
      description: 'a folder, .pmtiles, .mbtiles, s3:// or http(s) URL, or a request (.json); @ID = that version',
    },
  ],
  options: {
    holes: { description: 'look for missing tiles, seams, and tiles out of place; decodes all tiles unless --sample' },
    sample: {
      value: 'N',
      description: `tiles that are decoded and compared, evenly spread, or all; default ${DEFAULT_SAMPLE}`,
    },
    json: JSON_OPTION,
  },
  notes: [
    'Tiles in S3 are a prefix, s3://bucket/prefix; an archive in S3 or on an HTTP server ends in .pmtiles.',
    'A tileset of ours is compared with its records: every planned tile is there and whole, or recorded as empty.',
    'Exit code 1 if there is an error; a warning alone is 0.',
  ],
  async run(context, args) {
    const [{ openTileset }, { verifyTileset }] = await Promise.all([
      import('../tilesets/open-tileset.ts'),
      import('../tilesets/verify-tileset.ts'),
    ]);
    const config = await loadConfig(context, args);
    const { sample: text, holes } = args.options;
    const asked =
      text === undefined ? null : text === 'all' ? Infinity : parseWhole('--sample', text, 0, Number.MAX_SAFE_INTEGER);
    const { cwd, signal } = context;
    await using tileset = await openTileset(args.positionals['TILESET'] ?? '', {
      config,
      cwd,
      signal,
      allowsDamage: true,
    });
    const report = await verifyTileset(tileset, {
      sample: asked ?? DEFAULT_SAMPLE,
      coverageSample: holes === 'true' ? (asked ?? Infinity) : null,
      signal,
    });
    if (args.options['json'] === 'true') context.print(JSON.stringify(jsonOf(report)));
    else for (const line of reportLines(report)) context.print(line);
    return report.problems.some(({ severity }) => severity === 'error') ? EXIT.failed : EXIT.done;
  },
};

/** The fields of an archive stand beside the others, as scripts know them. */
function jsonOf({ problems, archive, records, coverage }: TilesetReport): object {
  return {
    problems,
    ...archive,
    ...(records === null ? {} : { records }),
    ...(coverage === null ? {} : { coverage }),
  };
}

function reportLines({ problems, archive, records, coverage }: TilesetReport): readonly string[] {
  const lines = problems.flatMap(problemLines);
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  const warnings = problems.length - errors;
  if (archive !== null && archive.header !== null) {
    const { header, entries, leaves, decoded, tileSize } = archive;
    const { tileType, minzoom, maxzoom, addressedTiles, tiles } = header;
    const size = tileSize === null ? '' : `${tileSize} px `;
    lines.push(
      `${formatCount(addressedTiles)} ${size}${tileType} tiles of zooms ${minzoom} to ${maxzoom} in ${formatBytes(tiles.length)}; ` +
        `${formatCount(entries)} entries in ${formatCount(leaves + 1)} directories; ${formatCount(decoded)} tiles decoded`,
    );
  }
  if (records !== null) {
    const { version, metatiles, tiles, empty, compared, isPlanned } = records;
    lines.push(
      `version ${version}: ${formatCount(tiles)} tiles and ${formatCount(empty)} empty ones in the records of ` +
        `${formatCount(metatiles)} metatiles, ${isPlanned ? 'as planned' : 'the plan is not known'}; ` +
        `${formatCount(compared)} tiles compared with their digests`,
    );
  }
  if (coverage !== null) {
    const { tiles, decoded, edges, parents } = coverage;
    lines.push(
      `holes and seams: ${formatCount(decoded)} of ${formatCount(tiles)} tiles and ${formatCount(edges)} edges between ` +
        `them looked at, and ${formatCount(parents)} tiles that lack some of the four below them`,
    );
  }
  if (archive?.header === null) return lines;
  lines.push(errors + warnings === 0 ? 'no faults found' : `${errors} kinds of errors, ${warnings} of warnings`);
  return lines;
}

function problemLines({ code, severity, count, messages }: Problem): readonly string[] {
  const further = count - messages.length;
  return [
    `${severity} ${code}${count > 1 ? ` (${formatCount(count)} times)` : ''}`,
    ...messages.map((message) => `  ${message}`),
    ...(further > 0 ? [`  and ${formatCount(further)} more`] : []),
  ];
}
