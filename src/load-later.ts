import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/**
 * Gives the function that loads a package when it is first called, at once and not by a promise, and keeps it: for what
 * most processes never need. The package is one in CommonJS. To `import` such a one costs several times as much besides, as
 * its text is searched for names first.
 *
 * @param name - as in `require`
 * @returns what the package exports; whoever loads it knows its type
 */
export function loadLater(name: string): () => unknown {
  let loaded: unknown;
  return () => (loaded ??= load(name) as unknown);
}

/**
 * The file of a module of Tilewright that a process or a thread begins with: of the source if this runs from it, else of
 * the build. There this may be part of a larger file, which lies one folder below that of all modules as this one does.
 *
 * @param path - from the folder of all modules, without its ending
 */
export function ownModule(path: string): URL {
  return new URL(`../${path}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
}
