import { parseArgs } from 'node:util';
import { TilerError } from '../src/errors.ts';
import type { Environment } from '../src/config.ts';
import type { ProgressStream } from './progress.ts';

/** One option of a command. Options with `value` take one, named as it is shown in the help; the others are switches. */
export interface OptionSpec {
  readonly value?: string;
  readonly short?: string;
  readonly description: string;
}

interface PositionalSpec {
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
}

/** Where a command writes, and what tells it to stop. */
export interface CommandContext {
  readonly env: Environment;
  readonly cwd: string;
  /** Results. */
  print(text: string): void;
  /** Progress and messages. */
  readonly stderr: ProgressStream;
  readonly signal: AbortSignal;
}

/** What a command was given: positionals by name, options by name (a switch is `'true'`). */
export interface CommandArguments {
  readonly positionals: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
}

/** One subcommand: the table from which its parsing, its help and its section in the README come. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly PositionalSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Further lines of the help. */
  readonly notes?: readonly string[];
  /** @returns the exit code */
  run(context: CommandContext, args: CommandArguments): Promise<number>;
}

/** Exit codes of every command. */
export const EXIT = { done: 0, failed: 1, usage: 2, failedTiles: 3, interrupted: 130 } as const;

const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: { short: 'h', description: 'show this help' },
  verbose: { short: 'v', description: 'show the stack of an error' },
};

/** `-10.5,20` and `-5/…` begin like an option and are numbers; no option begins with a digit or a dot. */
const NEGATIVE_NUMBER = /^-\.?[0-9]/;
const ESCAPE = '\u0000';

/**
 * Parses the arguments that follow the name of a command. Negative numbers are values, not options.
 *
 * @throws TilerError `REQUEST_INVALID` for an unknown option, a value too many or one too few
 */
export function parseCommandLine(command: Command, argv: readonly string[]): CommandArguments {
  const specs = { ...command.options, ...COMMON_OPTIONS };
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { value, short }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  // parseArgs refuses a value that begins with a dash, so such values are marked before and unmarked after.
  const marked = argv.map((arg) => (NEGATIVE_NUMBER.test(arg) ? ESCAPE + arg : arg));
  const unmark = (text: string): string => (text.startsWith(ESCAPE) ? text.slice(1) : text);
  try {
    const parsed = parseArgs({ args: marked, options, allowPositionals: true, strict: true });
    const given: Record<string, string> = {};
    for (const [name, value] of Object.entries(parsed.values)) given[name] = unmark(String(value));
    if (given['help'] === 'true') return { positionals: {}, options: given };
    return { positionals: namePositionals(command, parsed.positionals.map(unmark)), options: given };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw usageError(command, error.message.replaceAll(ESCAPE, '').replace(/\. .*/s, ''));
  }
}

function namePositionals(command: Command, values: readonly string[]): Record<string, string> {
  const named: Record<string, string> = {};
  for (const [index, spec] of command.positionals.entries()) {
    const value = values[index];
    if (value !== undefined) named[spec.name] = value;
    else if (spec.optional !== true) throw usageError(command, `${spec.name} is missing`);
  }
  const surplus = values[command.positionals.length];
  if (surplus !== undefined) throw usageError(command, `'${surplus}' is one value too many`);
  return named;
}

function usageError(command: Command, problem: string): TilerError {
  return new TilerError('REQUEST_INVALID', `tilewright ${command.name}: ${problem}; expected ${usageLine(command)}`);
}

/** `tilewright render REQUEST [options]` */
export function usageLine(command: Command): string {
  const options = Object.keys(command.options).length > 0 ? ['[options]'] : [];
  return ['tilewright', command.name, ...positionalsOf(command), ...options].join(' ');
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const rows = [
    ...command.positionals.map(({ name, description }) => [name, description] as const),
    ...Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(
      ([name, spec]) => [optionText(name, spec), spec.description] as const,
    ),
  ];
  const notes = command.notes === undefined ? [] : ['', ...command.notes];
  return [usageLine(command), '', `${command.summary}.`, '', ...table(rows), ...notes, ''].join('\n');
}

/** The help of the program. */
export function programHelp(commands: readonly Command[]): string {
  return [
    'tilewright COMMAND [arguments]',
    '',
    'Turns a STAC catalog of cloud-optimised GeoTIFFs into finished map tiles.',
    '',
    ...table(
      commands.map((command) => [[command.name, ...positionalsOf(command)].join(' '), command.summary] as const),
    ),
    '',
    'tilewright COMMAND --help shows the options of a command; --version (-V) the version.',
    'Exit codes: 0 done, 1 failed, 2 wrong usage or request, 3 finished with failed tiles, 130 interrupted.',
    '',
  ].join('\n');
}

function positionalsOf({ positionals }: Command): readonly string[] {
  return positionals.map(({ name, optional }) => (optional === true ? `[${name}]` : name));
}

function optionText(name: string, { value, short }: OptionSpec): string {
  return `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` ${value}`}`;
}

function table(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
