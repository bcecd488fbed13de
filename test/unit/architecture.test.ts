import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PROJECT_FOLDER } from '../support/build.ts';
import { importsOf, productFiles, resolveImport, withoutComments } from '../support/source-files.ts';

/** Lowest first. A module may import its own layer and the layers before it. This list is the documentation. */
const LAYERS = [
  'src/errors',
  'src/digest',
  'src/process-identity',
  'src/did-you-mean',
  'src/load-later',
  'src/observe',
  'src/retry',
  'src/in-flight',
  'src/host-gate',
  'src/aws-error',
  'src/s3-client',
  'src/config',
  'src/wasm',
  'src/geo',
  'src/tms',
  'src/raster',
  'src/cog',
  'src/stac',
  'src/mosaic',
  'src/render',
  'src/store',
  'src/index',
  'jobs',
  'workers',
];

/** What the pure parts may import besides each other: arithmetic and types, no I/O and no client. */
const PURE = /^src\/(?:geo|tms|raster)\/|\/plan-[^/]*\.ts$|\/select-[^/]*\.ts$|^src\/stac\/accessor\.ts$/;
const PURE_PACKAGES = new Set(['proj4', 'proj4-list', 'geojson']);

/** The only modules that know a process: they read the environment, take signals and exit. */
const ENTRIES = new Set(['jobs/cli.ts', 'workers/main.ts']);
const PROCESS_USE = /\bprocess\s*\.\s*(?:env|exit|on|once|addListener)\b/g;

const MAX_LINES = 260;

/** Position in LAYERS, or -1. */
function layerOf(path: string): number {
  return LAYERS.findIndex((layer) => path === `${layer}.ts` || path.startsWith(`${layer}/`));
}

/** True for a source of the WebAssembly modules, which is compiled by itself and imported by nothing else. */
function isAssembly(path: string): boolean {
  return path.startsWith('src/wasm/assembly/');
}

/** Every rule that one file breaks, as lines for people. */
function violations(file: string, source: string): readonly string[] {
  const found: string[] = [];
  if (layerOf(file) < 0) found.push(`${file} belongs to no layer`);
  for (const specifier of importsOf(source)) {
    const target = resolveImport(file, specifier);
    if (target === null) found.push(...packageViolations(file, specifier));
    else if (layerOf(target) < 0) found.push(`${file} imports ${target}, which belongs to no layer`);
    else if (layerOf(target) > layerOf(file)) found.push(`${file} imports ${target}, a higher layer`);
    if (isAssembly(file) !== isAssembly(target ?? '')) found.push(`${file} imports ${specifier}, another language`);
    // AssemblyScript's imports have no endings.
    else if (target !== null && !target.endsWith('.ts') && !isAssembly(file))
      found.push(`${file} imports ${specifier} without its ending`);
  }
  const code = withoutComments(source);
  if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) found.push(`${file} has a default export`);
  if (!ENTRIES.has(file)) {
    for (const [use] of code.matchAll(PROCESS_USE)) found.push(`${file} uses ${use}`);
  }
  const lines = source.trimEnd().split('\n').length;
  if (lines > MAX_LINES) found.push(`${file} has ${lines} lines, more than ${MAX_LINES}`);
  if (basename(file) === 'index.ts' && file !== 'src/index.ts') found.push(`${file} is a barrel`);
  return found;
}

function packageViolations(file: string, specifier: string): readonly string[] {
  const found: string[] = [];
  const name = specifier.startsWith('node:')
    ? 'node:'
    : specifier
        .split('/')
        .slice(0, specifier[0] === '@' ? 2 : 1)
        .join('/');
  if (file.startsWith('src/') && ['bullmq', 'ioredis'].includes(name)) found.push(`${file} imports ${name}, a queue`);
  if (PURE.test(file) && !PURE_PACKAGES.has(name)) found.push(`${file} is a pure part and imports ${specifier}`);
  return found;
}

test.each(productFiles())('%s keeps the rules', (file) => {
  expect(violations(file, readFileSync(join(PROJECT_FOLDER, file), 'utf8'))).toStrictEqual([]);
});

test('every layer is there, and every folder of src is a layer', () => {
  const files = productFiles();
  const layers = new Set(files.map(layerOf));
  expect(LAYERS.filter((_, index) => !layers.has(index))).toStrictEqual([]);
  const names = new Set(files.filter((file) => file.startsWith('src/')).map((file) => /^src\/[^/.]+/.exec(file)![0]));
  expect([...names].filter((name) => !LAYERS.includes(name))).toStrictEqual([]);
});

describe('the rules can fail', () => {
  test.each([
    ['an upward import', 'src/geo/bbox.ts', `import { a } from '../cog/cog.ts';`, 'a higher layer'],
    ['an upward type import', 'src/tms/a.ts', `import type { A } from '../render/a.ts';`, 'a higher layer'],
    ['an upward import over lines', 'src/cog/a.ts', `import {\n  a,\n  b,\n} from '../stac/a.ts';`, 'a higher layer'],
    ['an upward export', 'src/cog/a.ts', `export * from '../store/a.ts';`, 'a higher layer'],
    ['an upward import without names', 'jobs/a.ts', `import '../workers/main.ts';`, 'a higher layer'],
    ['an upward dynamic import', 'src/cog/a.ts', `const a = await import('../stac/a.ts');`, 'a higher layer'],
    ['an upward type query', 'src/cog/a.ts', `type A = import('../stac/a.ts').A;`, 'a higher layer'],
    ['the library using jobs', 'src/store/a.ts', `import { a } from '../../jobs/a.ts';`, 'a higher layer'],
    ['an unlisted folder', 'src/misc/a.ts', '', 'belongs to no layer'],
    ['a queue in the library', 'src/render/a.ts', `import { Queue } from 'bullmq';`, 'a queue'],
    ['I/O in a pure part', 'src/tms/a.ts', `import { readFile } from 'node:fs/promises';`, 'a pure part'],
    ['a client in a pure part', 'src/cog/plan-a.ts', `import { S3 } from '@aws-sdk/client-s3';`, 'a pure part'],
    ['the environment in the library', 'src/cog/a.ts', `const a = process.env['A'];`, 'uses process.env'],
    ['an exit', 'jobs/a.ts', `process.exit(1);`, 'uses process.exit'],
    ['a default export', 'src/cog/a.ts', `export default function a() {}`, 'a default export'],
    ['a barrel', 'src/cog/index.ts', `export { a } from './a.ts';`, 'is a barrel'],
    ['a missing ending', 'src/cog/a.ts', `import { b } from './b';`, 'without its ending'],
    ['TypeScript in AssemblyScript', 'src/wasm/assembly/a.ts', `import { b } from '../b.ts';`, 'another language'],
    ['AssemblyScript in TypeScript', 'src/wasm/a.ts', `import { b } from './assembly/b.ts';`, 'another language'],
    ['a long file', 'src/cog/a.ts', '\n'.repeat(MAX_LINES) + 'const a = 1;', 'more than'],
  ])('%s', (_, file, source, expected) => {
    expect(violations(file, source).join('\n')).toContain(expected);
  });

  test('a comment is not an import, and a downward import is none of these', () => {
    const source = `// import { a } from '../workers/a.ts';\n/* process.exit(1) */\nimport { b } from '../geo/bbox.ts';\n`;
    expect(violations('src/cog/a.ts', source)).toStrictEqual([]);
  });
});
