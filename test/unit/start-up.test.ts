import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Agent } from 'undici';
import { undiciParts } from '../../src/cog/undici-parts.ts';
import { PROJECT_FOLDER } from '../support/build.ts';
import { importsOf, resolveImport, withoutComments } from '../support/source-files.ts';

/** Without what is there for types only, or loaded when it is needed. */
function loadedAtOnce(source: string): readonly string[] {
  const code = withoutComments(source)
    .replaceAll(/\b(?:import|export)\s+type\b[^;]*;/g, '')
    .replaceAll(/\bimport\s*\(/g, 'later(')
    .replaceAll(/\bimport\s*\{(?:\s*type\s+\w+\s*,?)+\s*\}\s*from[^;]*;/g, '');
  return importsOf(code);
}

/** The packages that are loaded with a module, and with all that it loads. */
function packagesOf(entry: string): ReadonlySet<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const specifier of loadedAtOnce(readFileSync(join(PROJECT_FOLDER, file), 'utf8'))) {
      const target = resolveImport(file, specifier);
      if (target !== null) visit(target);
      else if (!specifier.startsWith('node:')) packages.add(specifier);
    }
  };
  visit(entry);
  return packages;
}

test.each([
  ['workers/render-process.ts', ['p-limit']],
  ['jobs/cli.ts', []],
  ['jobs/local/render-local.ts', ['zod']],
])('%s loads only what every run needs', (entry, expected) => {
  expect([...packagesOf(entry)].toSorted()).toEqual(expected);
});

test('the parts of undici that are loaded are those of the whole', () => {
  expect(undiciParts().Agent).toBe(Agent);
});
