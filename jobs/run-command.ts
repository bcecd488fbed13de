import { isAbortError, isTilerError } from '../src/errors.ts';
import type { ErrorCode } from '../src/errors.ts';
import { EXIT, commandHelp, parseCommandLine, programHelp } from './command-line.ts';
import type { Command, CommandContext } from './command-line.ts';

/** Codes that blame what the user wrote. */
const USAGE_CODES: ReadonlySet<ErrorCode> = new Set([
  'CONFIG_INVALID',
  'REQUEST_INVALID',
  'ZOOM_OUT_OF_RANGE',
  'TILE_OUT_OF_RANGE',
  'TILE_MATRIX_SET_UNKNOWN',
  'ASSET_KEY_UNKNOWN',
  'RUN_UNKNOWN',
]);

/**
 * Runs one command line: `argv` without the program's name. Results go to `print`, messages and errors to `stderr`: one
 * line `CODE: message`, with a stack for a fault in the program or with `--verbose`.
 *
 * @returns the exit code
 */
export async function runCommand(
  commands: readonly Command[],
  argv: readonly string[],
  context: CommandContext,
  version: string,
): Promise<number> {
  const [name, ...rest] = argv;
  if (name === '--version' || name === '-V') {
    context.print(version);
    return EXIT.done;
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const asked = name === 'help' ? commands.find((command) => command.name === rest[0]) : undefined;
    const text = asked === undefined ? programHelp(commands) : commandHelp(asked);
    if (name !== undefined) context.print(text.trimEnd());
    else context.stderr.write(text);
    return name === undefined ? EXIT.usage : EXIT.done;
  }
  const command = commands.find((each) => each.name === name);
  if (command === undefined) {
    const known = commands.map((each) => each.name).join(', ');
    context.stderr.write(`REQUEST_INVALID: tilewright: found the command '${name}', expected one of ${known}\n`);
    return EXIT.usage;
  }
  try {
    const args = parseCommandLine(command, rest);
    if (args.options['help'] === 'true') {
      context.print(commandHelp(command).trimEnd());
      return EXIT.done;
    }
    return await command.run(context, args);
  } catch (error) {
    return reportError(error, context, rest.includes('--verbose') || rest.includes('-v'));
  }
}

function reportError(error: unknown, { stderr, signal }: CommandContext, verbose: boolean): number {
  if (isAbortError(error) && signal.aborted) {
    stderr.write('interrupted\n');
    return EXIT.interrupted;
  }
  if (!isTilerError(error)) {
    stderr.write(`INTERNAL: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return EXIT.failed;
  }
  stderr.write(`${error.code}: ${error.message}\n`);
  if (verbose && error.stack !== undefined) stderr.write(`${error.stack}\n`);
  return USAGE_CODES.has(error.code) ? EXIT.usage : EXIT.failed;
}
