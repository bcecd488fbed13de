import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseTilesetRequest } from '../../jobs/request/tileset-request.ts';
import { ERROR_CODES } from '../../src/errors.ts';
import { PROJECT_FOLDER } from '../support/build.ts';
import {
  codeBlocks,
  codeRows,
  codesOf,
  commandRows,
  configRows,
  localLinks,
  parseJsonc,
  sectionOf,
  withRows,
} from '../support/readme.ts';

const README_PATH = join(PROJECT_FOLDER, 'README.md');

function readme(): string {
  return readFileSync(README_PATH, 'utf8');
}

function section(heading: string): string {
  const found = sectionOf(readme(), heading);
  if (found === null) throw new Error(`README.md has no section "## ${heading}"`);
  return found;
}

describe('Error codes', () => {
  test('are those of the code, in its order', () => {
    expect(codesOf(codeRows(section('Error codes')))).toStrictEqual([...ERROR_CODES]);
  });

  test('say what each means and what to do', () => {
    expect(codeRows(section('Error codes')).filter((row) => !/^(?:\|[^|]*[^|\s][^|]*){3}\|$/.test(row))).toStrictEqual(
      [],
    );
  });
});

describe('generated tables', () => {
  const tables = [
    ['Command line', commandRows()],
    ['Configuration', configRows()],
  ] as const;

  test.each(tables)('%s is as the code describes it; UPDATE_README=1 writes its rows', (heading, expected) => {
    const text = section(heading);
    if (process.env['UPDATE_README'] === '1') {
      writeFileSync(
        README_PATH,
        readme().replace(text, () => withRows(text, expected)),
      );
    }
    expect(codeRows(section(heading))).toStrictEqual([...expected]);
  });
});

describe('examples', () => {
  test('every tileset request parses', () => {
    const requests = codeBlocks(readme(), ['json', 'jsonc']).map(parseJsonc).filter(isTilesetRequest);
    expect(requests.length).toBeGreaterThan(0);
    for (const request of requests) parseTilesetRequest(request);
  });

  test('every npm script that is named is there', () => {
    const pack = JSON.parse(readFileSync(join(PROJECT_FOLDER, 'package.json'), 'utf8')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    const named = [...readme().matchAll(/\bnpm run ([a-z][a-z:]*)/g)].map((match) => match[1]!);
    expect(named).toContain('demo');
    expect(named.filter((name) => !(name in pack.scripts))).toStrictEqual([]);
  });

  test('the first command is the demonstration, the second the tests', () => {
    const commands = codeBlocks(readme(), ['sh', 'bash', 'console']).join('\n');
    const demo = commands.indexOf('npm run demo');
    const tests = commands.indexOf('npm test');
    expect(demo).toBeGreaterThanOrEqual(0);
    expect(tests).toBeGreaterThan(demo);
  });

  test('every link and picture that is a file of the project is there', () => {
    expect(localLinks(readme()).filter((link) => !existsSync(join(PROJECT_FOLDER, link)))).toStrictEqual([]);
  });
});

function isTilesetRequest(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'mosaic' in value;
}

describe('how the README is read', () => {
  test('a section ends at the next heading, and rows are those that begin with code', () => {
    const markdown = '# A\n## B\n| x | y |\n|---|---|\n| `ONE` | 1 |\ntext\n## C\n| `TWO` | 2 |\n';
    expect(codesOf(codeRows(sectionOf(markdown, 'B')!))).toStrictEqual(['ONE']);
    expect(sectionOf(markdown, 'D')).toBeNull();
  });

  test('rows are replaced where they are, and nothing else is', () => {
    const text = 'before\n\n| x | y |\n|---|---|\n| `ONE` | 1 |\n| `TWO` | 2 |\n\nafter\n';
    expect(withRows(text, ['| `NEW` | 0 |'])).toBe('before\n\n| x | y |\n|---|---|\n| `NEW` | 0 |\n\nafter\n');
  });

  test('comments and trailing commas are not JSON, but addresses are', () => {
    expect(parseJsonc('{ "url": "http://a/b", // here\n "list": [1, 2,], }')).toStrictEqual({
      url: 'http://a/b',
      list: [1, 2],
    });
  });
});
