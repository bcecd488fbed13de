import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCommandLine } from '../../jobs/command-line.ts';
import { COMMANDS } from '../../jobs/commands/table.ts';
import { PROJECT_FOLDER } from './build.ts';

/** What package.json says about the image. */
export const PACKAGE = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly bin: { readonly tilewright: string };
};

/**
 * The options and positionals of a command line as a container is given it.
 *
 * @throws Error if there is no such command, or TilerError `REQUEST_INVALID` if it has no such option
 */
export function commandLineOf(args: readonly string[]): ReturnType<typeof parseCommandLine> {
  const [name, ...rest] = args;
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw new Error(`There is no command ${name}`);
  return parseCommandLine(command, rest);
}
