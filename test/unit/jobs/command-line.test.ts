import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../jobs/commands/table.ts';
import { commandHelp, parseCommandLine, programHelp, usageLine } from '../../../jobs/command-line.ts';
import type { Command } from '../../../jobs/command-line.ts';
import { runCommand } from '../../../jobs/run-command.ts';
import { TilerError } from '../../../src/errors.ts';
import { PROJECT_FOLDER } from '../../support/build.ts';

const PROBE: Command = {
  name: 'probe',
  summary: 'a command of the tests',
  positionals: [
    { name: 'PLACE', description: 'somewhere' },
    { name: 'REQUEST', description: 'a file', optional: true },
  ],
  options: { bbox: { value: 'W,S,E,N', description: 'a box' }, force: { description: 'a switch' } },
  run: () => Promise.resolve(0),
};

function run(argv: readonly string[], command: Command = PROBE) {
  const out: string[] = [];
  const err: string[] = [];
  const context = {
    env: {},
    cwd: PROJECT_FOLDER,
    print: (text: string) => void out.push(text),
    stderr: { write: (text: string) => void err.push(text) },
    signal: new AbortController().signal,
  };
  return runCommand([command], argv, context, '1.2.3').then((code) => ({
    code,
    out: out.join('\n'),
    err: err.join(''),
  }));
}

describe('parseCommandLine', () => {
  test('names positionals and options', () => {
    expect(parseCommandLine(PROBE, ['here', '--force', 'a.json', '--bbox=1,2,3,4'])).toStrictEqual({
      positionals: { PLACE: 'here', REQUEST: 'a.json' },
      options: { force: 'true', bbox: '1,2,3,4' },
    });
  });

  test.each(['-10.5,20', '-10,-20', '-.5,1', '-180,-85,180,85'])(
    '%s is a value, as positional and of an option',
    (number) => {
      expect(parseCommandLine(PROBE, [number]).positionals).toStrictEqual({ PLACE: number });
      expect(parseCommandLine(PROBE, ['x', '--bbox', number]).options).toStrictEqual({ bbox: number });
      expect(parseCommandLine(PROBE, ['x', `--bbox=${number}`]).options).toStrictEqual({ bbox: number });
    },
  );

  test.each([
    [[], 'PLACE is missing'],
    [['a', 'b', 'c'], "'c' is one value too many"],
    [['a', '--sideways'], '--sideways'],
    [['a', '--bbox'], '--bbox'],
    [['a', '--force=1'], '--force'],
  ])('%j is refused', (argv, problem) => {
    expect(() => parseCommandLine(PROBE, argv)).toThrow(problem);
    expect(() => parseCommandLine(PROBE, argv)).toThrow(TilerError);
  });
});

describe('runCommand', () => {
  test.each([['--help'], ['-h'], ['help']])('%s shows the program on stdout', async (argument) => {
    expect(await run([argument])).toStrictEqual({ code: 0, out: programHelp([PROBE]).trimEnd(), err: '' });
  });

  test.each([['--version'], ['-V']])('%s', async (argument) => {
    expect(await run([argument])).toStrictEqual({ code: 0, out: '1.2.3', err: '' });
  });

  test('nothing at all shows the program on stderr and is wrong usage', async () => {
    expect(await run([])).toStrictEqual({ code: 2, out: '', err: programHelp([PROBE]) });
  });

  test('--help of a command wins over what is missing', async () => {
    expect(await run(['probe', '--help'])).toStrictEqual({ code: 0, out: commandHelp(PROBE).trimEnd(), err: '' });
    expect(await run(['help', 'probe'])).toStrictEqual({ code: 0, out: commandHelp(PROBE).trimEnd(), err: '' });
  });

  test.each([
    ['REQUEST_INVALID', 2],
    ['CONFIG_INVALID', 2],
    ['ASSET_KEY_UNKNOWN', 2],
    ['STORE_CONFLICT', 1],
    ['QUEUE_UNAVAILABLE', 1],
  ] as const)('%s exits with %i and one line', async (code, exit) => {
    const failing: Command = { ...PROBE, run: () => Promise.reject(new TilerError(code, 'what was found')) };
    expect(await run(['probe', 'x'], failing)).toStrictEqual({ code: exit, out: '', err: `${code}: what was found\n` });
    expect((await run(['probe', 'x', '-v'], failing)).err).toMatch(/\n\s+at /);
  });

  test('a fault in the program shows its stack', async () => {
    const failing: Command = { ...PROBE, run: () => Promise.reject(new TypeError('oops')) };
    const { code, err } = await run(['probe', 'x'], failing);
    expect(code).toBe(1);
    expect(err).toMatch(/^INTERNAL: TypeError: oops\n\s+at /);
  });
});

describe('the commands', () => {
  test.each(COMMANDS.map((command) => [command.name, command] as const))(
    '%s: its help fits a terminal',
    (_, command) => {
      const lines = commandHelp(command).split('\n');
      expect(lines.filter((line) => line.length > 120)).toStrictEqual([]);
      expect(lines[0]).toBe(usageLine(command));
    },
  );

  test('the help of the program fits one screen', () => {
    const lines = programHelp(COMMANDS).split('\n');
    // A window of a usual terminal, with what was typed before it.
    expect(lines.length).toBeLessThan(36);
    expect(lines.filter((line) => line.length > 120)).toStrictEqual([]);
  });

  test('names are unique, and the README names each of them', () => {
    const names = COMMANDS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const readme = readFileSync(join(PROJECT_FOLDER, 'README.md'), 'utf8');
    expect(names.filter((name) => !new RegExp(`tilewright ${name}\\b`).test(readme))).toStrictEqual([]);
  });
});
