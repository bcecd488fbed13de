import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../support/build.ts';
import { projectFiles } from '../support/source-files.ts';

const FILES = projectFiles();
/** Text that people wrote: no pictures, and not the lock file, which has rules of its own. */
const TEXT_FILES = FILES.filter(
  (file) => !/\.(?:png|webp|jpe?g|tiff?|gz|bin|npy|pmtiles)$/i.test(file) && file !== 'package-lock.json',
);

function readProjectFile(file: string): string {
  return readFileSync(join(PROJECT_FOLDER, file), 'utf8');
}

/** The folders of test/ that a file can lie in. A test file elsewhere is in no vitest project and would never run. */
const TEST_PROJECTS = ['unit', 'property', 'contract', 'conformance', 'golden', 'integration'];

/** Words that belong to one machine or one network, written so that this file does not hold them itself. */
const FOREIGN = [
  ['an absolute path of one machine', /(?<![\w.~*/-])\/(?:wor[k]|hom[e]|tmp\/ins[t])\//],
  ['a package registry', /registr[y]\.(?:npmj[s]|yarnpk[g])\.|pypi\.or[g]|files\.pythonhoste[d]|proxy\.golan[g]/],
] as const;

interface LockEntry {
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

describe('package-lock.json', () => {
  const lock = JSON.parse(readProjectFile('package-lock.json')) as {
    readonly packages: Readonly<Record<string, LockEntry>>;
  };

  test('names no registry, so that npm asks the one that is configured', () => {
    const resolved = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
    expect(resolved.map(([name]) => name)).toStrictEqual([]);
    expect(readProjectFile('package-lock.json')).not.toMatch(/https?:\/\/[^"]*\.tgz/);
  });

  // npm leaves out what its registry does not hold, and `npm ci` then refuses the lock on every platform.
  test('has an entry for every platform that an optional package names', () => {
    const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`${path}/node_modules/${name}` in lock.packages) && !(`node_modules/${name}` in lock.packages),
      ),
    );
    expect(missing).toStrictEqual([]);
  });
});

describe('package.json', () => {
  const pack = JSON.parse(readProjectFile('package.json')) as {
    readonly version: string;
    readonly engines: { readonly node: string };
    readonly scripts: Readonly<Record<string, string>>;
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };

  test('has these scripts and no others', () => {
    const expected = ['build', 'check', 'fix', 'test', 'test:unit', 'bench', 'demo', 'start:worker', 'cli'];
    expect(Object.keys(pack.scripts)).toStrictEqual(expected);
  });

  test('runs on the Node version that developers are pinned to', () => {
    expect(pack.engines.node).toBe('>=20.19');
    expect(readProjectFile('.node-version').trim()).toBe('20.19.0');
  });

  test('takes packages from the registry only', () => {
    const ranges = Object.entries({ ...pack.dependencies, ...pack.devDependencies });
    expect(ranges.filter(([, range]) => !/^[\^~]?\d+(?:\.\d+){0,2}$/.test(range))).toStrictEqual([]);
  });
});

describe('file names', () => {
  test.each(FILES.filter((file) => file.endsWith('.ts')))('%s is in kebab-case', (file) => {
    expect(basename(file)).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|contract|config))?\.ts$/);
  });

  test('every test file lies in a test project', () => {
    const tests = FILES.filter((file) => file.endsWith('.test.ts'));
    expect(tests.length).toBeGreaterThan(0);
    expect(tests.filter((file) => !TEST_PROJECTS.includes(file.split('/')[1] ?? ''))).toStrictEqual([]);
  });
});

describe('what the project says', () => {
  test.each(TEXT_FILES)('%s is of no one machine or network', (file) => {
    const text = readProjectFile(file);
    expect(FOREIGN.filter(([, pattern]) => pattern.test(text)).map(([what]) => what)).toStrictEqual([]);
  });

  test('these rules can fail', () => {
    const planted = ['/wor', 'k/main and https://registr', 'y.npmjs.org/sharp'].join('');
    expect(FOREIGN.map(([, pattern]) => pattern.test(planted))).toStrictEqual([true, true]);
  });

  test.each(FILES.filter((file) => file.endsWith('.test.ts')))('%s leaves nothing out', (file) => {
    expect(readProjectFile(file)).not.toMatch(/\b(?:test|it|describe)\.(?:ski[p]|onl[y]|tod[o])\b/);
  });
});
