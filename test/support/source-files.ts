import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, posix, sep } from 'node:path';
import { PROJECT_FOLDER } from './build.ts';

/** What a checkout holds besides the project itself; the same names as in .gitignore. */
const IGNORED: ReadonlySet<string> = new Set(['.git', 'node_modules', 'dist', 'coverage', 'out', '.tilewright']);

function walk(folder: string): string[] {
  return readdirSync(join(PROJECT_FOLDER, folder), { withFileTypes: true }).flatMap((entry) => {
    if (IGNORED.has(entry.name) || entry.name.endsWith('.log') || entry.name === '.env') return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(path) : [path];
  });
}

/**
 * The project's own files, relative to its root, with `/` between folders: what git would take, or every file that it
 * does not ignore where there is no repository or no git.
 */
export function projectFiles(): readonly string[] {
  if (!existsSync(join(PROJECT_FOLDER, '.git'))) return walk('');
  const { error, status, stdout, stderr } = spawnSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    { cwd: PROJECT_FOLDER, encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 },
  );
  if (error !== undefined && 'code' in error && error.code === 'ENOENT') return walk('');
  if (status !== 0) throw new Error(`git ls-files in ${PROJECT_FOLDER} failed: ${error?.message ?? stderr}`);
  return stdout.split('\0').filter((path) => path !== '' && existsSync(join(PROJECT_FOLDER, path)));
}

/** Source files of the product: `src`, `jobs` and `workers`. */
export function productFiles(): readonly string[] {
  return projectFiles().filter((path) => /^(?:src|jobs|workers)\/.*\.ts$/.test(path));
}

/** Strings are kept, comments become one space. A regular expression with a lone backtick would confuse it. */
const STRING_OR_COMMENT = /'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

/** The source text without its comments. */
export function withoutComments(source: string): string {
  return source.replace(STRING_OR_COMMENT, (match) => (match.startsWith('/') ? ' ' : match));
}

/** `import … from`, `export … from` (also over several lines and with `type`), `import '…'`, and `import('…')`. */
const SPECIFIERS = [
  /\b(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/g,
  /\bimport\s*['"]([^'"]+)['"]/g,
  /\bimport\s*\(\s*['"`]([^'"`]+)['"`]/g,
];

/** Everything that a module imports, types included, as it is written there. */
export function importsOf(source: string): readonly string[] {
  const code = withoutComments(source);
  return SPECIFIERS.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!));
}

/** The project path that a relative import of `file` means, or null for a package or a `node:` module. */
export function resolveImport(file: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) return null;
  return posix.normalize(join(dirname(file), specifier).split(sep).join('/'));
}
