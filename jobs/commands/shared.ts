import { availableParallelism } from 'node:os';
import type { Config } from '../../src/config.ts';
import { TilerError } from '../../src/errors.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { SILENT } from '../../src/observe.ts';
import type { Logger } from '../../src/observe.ts';
import type { TileFailure } from '../../src/render/tile-renderer.ts';
import { EXIT } from '../command-line.ts';
import type { CommandArguments, CommandContext, OptionSpec } from '../command-line.ts';
import { formatCount, summaryLines } from '../progress.ts';
import type { RunSummary } from '../progress.ts';
import { failureLine, failureRecord, MAX_LISTED_FAILURES } from '../run-report.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import type { UpdateOptions } from '../run-update.ts';

/** The request as a positional. */
export const REQUEST_POSITIONAL = { name: 'REQUEST', description: 'file of the tileset request (JSON)' } as const;

/** Options that take the place of fields of the request. */
export const REQUEST_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  output: { value: 'PLACE', description: "instead of the request's output" },
  minzoom: { value: 'Z', description: "instead of the request's minzoom" },
  maxzoom: { value: 'Z', description: "instead of the request's maxzoom" },
  bbox: { value: 'W,S,E,N', description: "instead of the request's area, in degrees" },
};

export const JSON_OPTION: OptionSpec = { description: 'one JSON object a line instead of text' };
export const FORCE_OPTION: OptionSpec = { description: 'begin anew and write over what is there' };
export const UPDATE_OPTION: OptionSpec = {
  description: 'bring a finished tileset up to date: render just what has changed, of the catalog or of the request',
};
export const KEEP_PARTS_OPTION: OptionSpec = {
  description: 'keep the pixels that lower zooms are made of, so that updates render no more than what changed',
};
export const PROCESSES_OPTION: OptionSpec = { value: 'N', description: 'processes; default one for each core' };
export const REDIS_OPTION: OptionSpec = { value: 'URL', description: 'Redis, instead of REDIS_URL' };

/**
 * Reads the request that a command was given, with its overriding options.
 *
 * @throws TilerError `REQUEST_INVALID`
 */
export async function loadRequest(
  { cwd, signal }: CommandContext,
  { positionals, options }: CommandArguments,
): Promise<TilesetRequest> {
  const overrides = {
    output: options['output'],
    minzoom: options['minzoom'] === undefined ? undefined : parseWhole('--minzoom', options['minzoom'], 0, 30),
    maxzoom: options['maxzoom'] === undefined ? undefined : parseWhole('--maxzoom', options['maxzoom'], 0, 30),
    bbox: options['bbox'] === undefined ? undefined : parseBbox('--bbox', options['bbox']),
  };
  const { loadTilesetRequest } = await import('../request/load-request.ts');
  return await loadTilesetRequest(positionals['REQUEST'] ?? '', overrides, { cwd, signal });
}

/** `--force`, `--update` and `--keep-parts`. @throws TilerError `REQUEST_INVALID` for two that exclude each other */
export function outputOptionsOf({ options }: CommandArguments): {
  readonly force: boolean;
  readonly update: UpdateOptions | null;
  readonly keepParts: boolean;
} {
  const [force, isUpdate, keepParts] = ['force', 'update', 'keep-parts'].map((name) => options[name] === 'true');
  if (force === true && isUpdate === true) {
    throw new TilerError('REQUEST_INVALID', 'Reading --update: found --force too, which renders everything');
  }
  const update = isUpdate === true ? { only: null, changedTilesFile: null } : null;
  return { force: force === true, update, keepParts: keepParts === true };
}

/** The configuration, with `--redis` in the place of `REDIS_URL`. @throws TilerError `CONFIG_INVALID` */
export async function loadConfig({ env }: CommandContext, { options }: CommandArguments): Promise<Config> {
  const { parseConfig } = await import('../../src/config.ts');
  return parseConfig(options['redis'] === undefined ? env : { ...env, REDIS_URL: options['redis'] });
}

/** `--processes`, or one for each core. @throws TilerError `REQUEST_INVALID` */
export function processesOf({ options }: CommandArguments): number {
  const text = options['processes'];
  return text === undefined ? availableParallelism() : parseWhole('--processes', text, 1, 1024);
}

/** A whole number within bounds. @throws TilerError `REQUEST_INVALID` */
export function parseWhole(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new TilerError('REQUEST_INVALID', `${name}: found '${text}', expected a whole number from ${min} to ${max}`);
}

/** Numbers with commas between. @throws TilerError `REQUEST_INVALID` if there are not `count` of them */
function parseNumbers(name: string, text: string, count: number, expected: string): number[] {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (numbers.length === count && numbers.every(Number.isFinite)) return numbers;
  throw new TilerError('REQUEST_INVALID', `${name}: found '${text}', expected ${expected}`);
}

/** `W,S,E,N` in degrees. @throws TilerError `REQUEST_INVALID` */
export function parseBbox(name: string, text: string): Bbox {
  const [west = 0, south = 0, east = 0, north = 0] = parseNumbers(name, text, 4, 'W,S,E,N in degrees');
  return [west, south, east, north];
}

/** `LNG,LAT` in degrees. @throws TilerError `REQUEST_INVALID` */
export function parsePoint(name: string, text: string): { readonly lng: number; readonly lat: number } {
  const [lng = 0, lat = 0] = parseNumbers(name, text, 2, 'LNG,LAT in degrees');
  if (Math.abs(lng) > 180 || Math.abs(lat) > 90) {
    throw new TilerError(
      'REQUEST_INVALID',
      `${name}: found '${text}', expected a longitude in -180..180 and a latitude in -90..90`,
    );
  }
  return { lng, lat };
}

/** Prints what a run came to and the tiles that failed; gives the exit code. */
export function reportRun(
  context: CommandContext,
  summary: RunSummary,
  failures: readonly TileFailure[],
  { json, hint }: { readonly json: boolean; readonly hint: string },
): number {
  if (json) {
    for (const failure of failures) context.print(JSON.stringify({ event: 'failure', ...failureRecord(failure) }));
    context.print(JSON.stringify({ event: 'summary', ...summary }));
  } else {
    for (const failure of failures.slice(0, MAX_LISTED_FAILURES)) context.stderr.write(`${failureLine(failure)}\n`);
    const further = summary.failed - Math.min(failures.length, MAX_LISTED_FAILURES);
    if (further > 0) context.stderr.write(`and ${formatCount(further)} more failed tiles\n`);
    for (const line of summaryLines(summary)) context.print(line);
    if (summary.state !== 'complete') context.stderr.write(`${hint}\n`);
  }
  if (summary.state === 'interrupted') return EXIT.interrupted;
  if (summary.state === 'cancelled') return EXIT.failed;
  return summary.failed > 0 ? EXIT.failedTiles : EXIT.done;
}

/** A logger to standard error for `--verbose`, else a silent one. */
export function commandLogger({ stderr }: CommandContext, { options }: CommandArguments): Logger {
  if (options['verbose'] !== 'true') return SILENT;
  const write = (fields: object, message: string): void => void stderr.write(`${message} ${JSON.stringify(fields)}\n`);
  return { debug: write, info: write, warn: write, error: write };
}
